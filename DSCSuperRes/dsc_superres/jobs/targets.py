"""Where results may be written: refused before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

from dsc_superres.errors import FileError
from dsc_superres.utils.file_names import is_series_name


def check_series_target(path: Path, *inputs: Path) -> Path:
    """``path`` as the name of a series to write. Raises ``FileError`` where it is none, or one of the ``inputs``."""
    from dsc_superres.io.image_file import check_sidecar_is_free

    if not is_series_name(path.name):
        raise FileError(f"{path.name} is not a name for a series: end it in .nii, .nii.gz or .seq.nrrd.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileError(f"The folder {path.parent} does not exist: create it first.")
    if not os.access(folder, os.W_OK):
        raise FileError(f"The folder {path.parent} cannot be written: choose another one.")
    if any(path.exists() and Path(read).exists() and path.samefile(read) for read in inputs):
        raise FileError(f"{path.name} is the input itself: choose another name for the output.")
    check_sidecar_is_free(path)
    return path
