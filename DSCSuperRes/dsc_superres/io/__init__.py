"""Files to series and volumes, and back: NIfTI, Slicer's NRRD sequences, DICOM.

Only numpy, SimpleITK and pydicom, so that it also runs inside Slicer.
"""

from dsc_superres.io.series_file import read_series, write_series
from dsc_superres.io.volume_file import read_volume, write_volume

__all__ = ["read_series", "read_volume", "write_series", "write_volume"]
