"""Reading and writing of series and volumes: NIfTI, Slicer's NRRD sequences and DICOM.

Needs only numpy, SimpleITK and pydicom, so that it runs inside Slicer as well; nibabel for Siemens' mosaics, PAR/REC
and NIfTI that is not NIfTI-1 in one file.
"""

from dsc_superres.io.series_file import read_series, write_series
from dsc_superres.io.volume_file import read_volume, write_volume

__all__ = ["read_series", "read_volume", "write_series", "write_volume"]
