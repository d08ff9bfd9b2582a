"""The public heads of training: the list of them, and how a file of the list is downloaded, checked and converted."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import subprocess
import tarfile
import tomllib
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dsc_superres import training
from dsc_superres.errors import FileError
from dsc_superres.utils.atomic_writing import atomic_file, write_json

HEADS = Path(training.__file__).parent / "sources" / "heads.toml"
RECORD = "heads.json"
"""File in the folder of heads with the SHA-256 of each file that was converted, to check it by later."""
DOWNLOAD_TIMEOUT = 60
"""Seconds without an answer after which a download is given up."""


@dataclass(frozen=True)
class HeadVolume:
    """One entry of the list.

    file    path in the folder of heads
    url     a file, or a .tar.gz archive of a repository
    files   pattern of the DICOM files in that archive, if it is one
    sha256  of the file at ``url``; of DICOM files, of the list of their checksums
    """

    file: str
    url: str
    sha256: str
    license: str
    what: str
    files: str = ""

    @property
    def is_converted(self) -> bool:
        """Whether the file differs from what is downloaded."""
        return bool(self.files) or self.url.endswith(".nrrd")


def read_heads(path: Path = HEADS) -> list[HeadVolume]:
    """The entries of a list of heads."""
    return [HeadVolume(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["head"]]


def state(head: HeadVolume, folder: Path) -> str:
    """Return ``ok``, ``missing`` or ``differs``; ``unchecked`` for a converted file of unknown origin."""
    path = folder / head.file
    if not path.is_file():
        return "missing"
    expected = _record(folder).get(head.file) if head.is_converted else head.sha256
    if not expected:
        return "unchecked"
    return "ok" if _sha256(path) == expected else "differs"


def download(head: HeadVolume, folder: Path) -> None:
    """Download, check and convert one head into ``folder``. Raises ``FileError``."""
    target = folder / head.file
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        fetched = Path(temporary) / head.url.rsplit("/", 1)[1]
        _fetch(head.url, fetched)
        if head.files:
            source = Path(temporary) / "dicom"
            found = folder_sha256(_unpack(fetched, head.files, source))
        else:
            source, found = fetched, _sha256(fetched)
        if head.sha256 and found != head.sha256:
            raise FileError(f"{head.file} from {head.url} has the SHA-256 {found}, not {head.sha256}.")
        convert = _from_dicom if head.files else _from_nrrd if head.is_converted else shutil.copyfile
        with atomic_file(target) as partial:
            convert(source, partial)
    if head.is_converted:
        write_json(folder / RECORD, _record(folder) | {head.file: _sha256(target)})


def folder_sha256(files: list[Path]) -> str:
    """SHA-256 of what ``LC_ALL=C sha256sum FILES`` prints."""
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(files, key=lambda path: path.name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(folder: Path) -> dict[str, str]:
    path = folder / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _fetch(url: str, target: Path) -> None:
    if not url.startswith(("https://", "file://")):
        raise FileError(f"{url} begins with neither https:// nor file://: it cannot be fetched.")
    try:
        # of a scheme that was checked
        opened = urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT)  # nosec B310
        with opened as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise FileError(f"{url} cannot be downloaded: {error}.") from error


def _unpack(archive: Path, pattern: str, folder: Path) -> list[Path]:
    """The files in the archive, below its top folder, that match the pattern."""
    folder.mkdir()
    with tarfile.open(archive) as content:
        for member in content:
            _, _, name = member.name.partition("/")
            if member.isfile() and name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern):
                (folder / Path(name).name).write_bytes(content.extractfile(member).read())
    return list(folder.iterdir())


def _from_dicom(source: Path, target: Path) -> None:
    program = shutil.which("dcm2niix")
    if program is None:
        raise FileError("dcm2niix is needed for heads in DICOM: pip install dcm2niix, or leave these heads out.")
    with TemporaryDirectory() as temporary:
        command = [program, "-z", "i", "-b", "n", "-f", "head", "-o", temporary, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        made = list(Path(temporary).glob("*.nii.gz"))
        if len(made) != 1:
            raise FileError(f"dcm2niix made {len(made)} volumes, not one: {done.stdout.strip().splitlines()[-1:]}.")
        shutil.copyfile(made[0], target)


def _from_nrrd(source: Path, target: Path) -> None:
    import SimpleITK as sitk

    sitk.WriteImage(sitk.ReadImage(str(source)), str(target), useCompression=True)


def fetch_missing(heads: list[HeadVolume], folder: Path, say: Callable[[str], None]) -> None:
    """Download every head that ``folder`` does not hold; those that fail are named at the end, in a ``FileError``."""
    failed = []
    for head in heads:
        if state(head, folder) in ("ok", "unchecked"):
            continue
        say(f"{head.file}: {head.what} ({head.license})")
        try:
            download(head, folder)
        except FileError as error:
            failed.append(f"{head.file} ({error})")
    if failed:
        raise FileError(f"{len(failed)} of {len(heads)} heads are not there: {'; '.join(failed)}")
