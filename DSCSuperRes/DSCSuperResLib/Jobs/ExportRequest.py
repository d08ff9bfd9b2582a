"""The request for an export, made from the parameters and checked before the job starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.errors import FileError

from ..Translation import _

if TYPE_CHECKING:
    from ..Parameters import ExportParameters
    from ..Scene.Result import Result


@dataclass(frozen=True)
class ExportRequest:
    """The files of one export.

    output     the folder that is created for them
    replace    whether an earlier export of that name is replaced
    series     formats of the reconstruction: "seq.nrrd", "nii.gz"
    maps       formats of all maps: "nii.gz", "nrrd"
    dicom      whether the maps of the reconstruction are exported as DICOM
    reference  a DICOM file or folder of the study that they belong to; None for a new study without a patient
    """

    output: Path
    replace: bool = False
    series: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    dicom: bool = False
    reference: Path | None = None
    tables: bool = False
    screenshots: bool = False
    report: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was chosen."""
        chosen = (self.series, self.maps, self.dicom, self.tables, self.screenshots, self.report)
        return not any(chosen)


def makeExportRequest(chosen: ExportParameters, result: Result, reference: Path | None = None) -> ExportRequest:
    """Return the request for ``chosen``. Raises ``FileError`` with one sentence."""
    if not chosen.folder.strip():
        raise FileError(_("Choose the folder to write to."))
    folder = Path(chosen.folder.strip()).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise FileError(_("{name} is a file: choose a folder to write to.").format(name=folder.name))
    request = ExportRequest(
        output=folder / folderName(result.name),
        series=_marked({"seq.nrrd": chosen.sequence, "nii.gz": chosen.nifti}),
        maps=_marked({"nii.gz": chosen.mapsNifti, "nrrd": chosen.mapsNrrd}),
        dicom=chosen.mapsDicom,
        reference=reference,
        tables=chosen.tables,
        screenshots=chosen.screenshots,
        report=chosen.report,
    )
    if request.empty:
        raise FileError(_("Choose what to export: nothing is selected."))
    return request


def folderName(name: str) -> str:
    """Return ``name`` without characters that some file systems do not allow."""
    return re.sub(r"[^\w.+ -]+", "_", name).strip(" .") or "result"


def freeFolder(output: Path) -> Path:
    """Return ``output``, with a number appended if it exists."""
    number, free = 1, output
    while free.exists():
        number += 1
        free = output.with_name(f"{output.name} {number}")
    return free


def _marked(formats: dict[str, bool]) -> tuple[str, ...]:
    return tuple(suffix for suffix, wanted in formats.items() if wanted)
