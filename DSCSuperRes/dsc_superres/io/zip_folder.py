"""A folder in a ZIP file, unpacked for as long as it is read.

The names in the file decide about nothing on disk: members are numbered, so that none lands outside of the folder.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.io.dicom_files import begins_as_dicom
from dsc_superres.utils.atomic_writing import temporary_folder

LARGEST = 8 * 2**30
"""Bytes that a ZIP file may unpack to."""
_MOST_FILES = 200_000
_BLOCK = 2**20


def is_zip(path: Path) -> bool:
    """Return whether ``path`` is a ZIP file, by its content."""
    try:
        with open(path, "rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a temporary folder with the DICOM files of a ZIP.

    Raises ``FileError`` if it is damaged, locked or too large.
    """
    with temporary_folder() as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, path, folder)
        except OSError as error:
            raise FileError(f"Cannot unpack {path}: {os_error_text(error)}.") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise FileError(f"{path} is cut short or damaged, so that it cannot be unpacked: copy it again.") from error
        yield folder


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    members = [
        member for member in archive.infolist() if not member.filename.endswith("/")
    ]  # is_dir() fails without a name
    if any(member.flag_bits & 1 for member in members):
        raise FileError(f"{path} is locked with a password: unpack it and name the folder.")
    if len(members) > _MOST_FILES or sum(member.file_size for member in members) > LARGEST:
        raise FileError(
            f"{path} unpacks to more than {LARGEST // 2**30} GB or {_MOST_FILES} files: unpack it and name the folder."
        )
    left = LARGEST
    for number, member in enumerate(sorted(members, key=lambda member: member.filename)):
        with archive.open(member) as source:
            block = source.read(_BLOCK)
            if not begins_as_dicom(block):
                continue  # nobody would read it
            with open(folder / f"{number:06d}", "wb") as target:
                while block:  # what the directory states may be less than what is there
                    left -= len(block)
                    if left < 0:
                        raise FileError(f"{path} unpacks to more than it states: unpack it and name the folder.")
                    target.write(block)
                    block = source.read(_BLOCK)
