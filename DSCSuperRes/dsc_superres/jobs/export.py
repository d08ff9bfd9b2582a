"""Results as files for others, in one new folder (see ``ExportJob``). Needs only what Slicer has beside numpy.

An output that is already there is replaced only where the job says so and an export made it.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dsc_superres.errors import Cancelled, FileError
from dsc_superres.io import write_series, write_volume
from dsc_superres.io.dicom_maps import read_source, write_dicom_map
from dsc_superres.io.recorded_provenance import believed_record
from dsc_superres.io.sidecar import sidecar_path
from dsc_superres.jobs.array_files import load_array
from dsc_superres.jobs.export_types import DicomSource, ExportedMap, ExportedSeries, ExportJob
from dsc_superres.jobs.job_result import JobResult
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import atomic_folder, write_json
from dsc_superres.utils.ending import last_chance
from dsc_superres.utils.file_names import name_key
from dsc_superres.utils.progress import IsCancelled, Progress
from dsc_superres.utils.small_files import read_json
from dsc_superres.utils.versions import versions

PROVENANCE = "provenance.json"
EXPORT_KEY = "export"
"""The file, and the key in it, by which the folder of an export is known."""
FIRST_SERIES = 9000
"""Number of the first DICOM series: far from those of a scanner."""


@dataclass(frozen=True)
class Step:
    """A part of the work: what it is called, about how many bytes it writes, and how."""

    stage: str
    size: int
    write: Callable[[Path], object]


def run_export(job: ExportJob, progress: Progress, cancelled: IsCancelled) -> JobResult:
    """Write all files of the job, or none; the result lists them. Raises ``DSCError`` and ``Cancelled``."""
    check_output(job.output, job.replace)
    _check_copied(job)
    _check_names(job)
    with atomic_folder(job.output, replace=job.replace) as folder:
        if job.files is not None:
            shutil.copytree(job.files, folder, dirs_exist_ok=True)
        steps = [*_series_steps(job), *_map_steps(job)]
        total, done = sum(step.size for step in steps), 0
        for step in steps:
            if cancelled():
                raise Cancelled
            progress(done / total, step.stage)
            step.write(folder)
            done += step.size
        if not (folder / PROVENANCE).exists():
            write_json(folder / PROVENANCE, _provenance(job))
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        check_output(job.output, job.replace)  # somebody may have made it meanwhile
        progress(1.0, "Done")
        last_chance(cancelled)
    return JobResult(job.output, files)


def _check_copied(job: ExportJob) -> None:
    """Raise ``FileError`` where the folder to copy holds a link, which may lead out of it, a pipe or a device."""
    for path in job.files.rglob("*") if job.files is not None else ():
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise FileError(f"{path.name} in {job.files.name} is a link, a pipe or a device: only files are copied.")


def _check_names(job: ExportJob) -> None:
    """Raise ``FileError`` where two entries of a job, or one and the files that it copies, would write the same file.

    Names count alike that do so on the disks of Windows and macOS.
    """
    taken = {PROVENANCE: "the provenance"}
    if job.files is not None:
        copied = (path.relative_to(job.files).as_posix() for path in job.files.rglob("*") if path.is_file())
        taken |= {_key(name): f"the file {name}, which is copied" for name in copied}
    for entry, names in _names(job):
        for name in names:
            key = _key(name)
            if key in taken:
                raise FileError(f"{entry} would be written over {taken[key]}: give each a name of its own.")
            taken[key] = entry


def _key(name: str) -> str:
    return "/".join(map(name_key, Path(name).parts))


def _names(job: ExportJob) -> Iterator[tuple[str, list[str]]]:
    """Yield what each entry of a job is called and the files or folders that it writes."""
    for one in job.series:
        files = [_series_file(one, suffix) for suffix in one.formats]
        yield f"The series {one.name}", [*files, *(sidecar_path(Path(file)).as_posix() for file in files)]
    for one in job.maps:
        yield f"The map {one.path}", [f"{one.path}.{suffix}" for suffix in one.formats]
        if one.dicom is not None:
            yield f"The DICOM series {one.dicom.folder}", [one.dicom.folder]


def _provenance(job: ExportJob) -> dict[str, object]:
    """How the files came about as far as the job says it, where it does not bring a provenance of its own."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    series = {one.name: one.provenance for one in job.series if one.provenance}
    return {EXPORT_KEY: {"created": now}, "versions": versions(), "series": series}


def check_output(output: Path, replace: bool) -> None:
    """Raise ``FileError`` where writing to ``output`` would destroy what may not be replaced."""
    if not output.exists():
        return
    if not replace:
        raise FileError(f"{output.name} is already there: choose another folder, or let it be replaced.")
    if not is_export(output):
        raise FileError(f"{output.name} was not made by an export and is left as it is: choose another folder.")


def is_export(folder: Path) -> bool:
    """Whether an export made ``folder``."""
    try:
        return "created" in read_json(folder / PROVENANCE, PROVENANCE)[EXPORT_KEY]
    except (FileError, TypeError, KeyError):
        return False


def _series_steps(job: ExportJob) -> Iterator[Step]:
    for exported in job.series:
        series = _series(exported)
        for suffix in exported.formats:
            name = _series_file(exported, suffix)
            yield Step(f"Writing {name}", series.signal.nbytes, partial(_write_series, series, name))


def _series_file(exported: ExportedSeries, suffix: str) -> str:
    """The name of a series' file: its sidecar has the same, which two formats of one name would share."""
    return f"{exported.name}{'' if suffix == 'seq.nrrd' else '_4d'}.{suffix}"


def _write_series(series: Series, name: str, folder: Path) -> None:
    write_series(series, folder / name, integer=True)


def _map_steps(job: ExportJob) -> Iterator[Step]:
    dicom = job.dicom or DicomSource()
    study = _study(dicom) if any(exported.dicom for exported in job.maps) else None
    for number, exported in enumerate(job.maps):
        values = load_array(exported.file)
        for suffix in exported.formats:
            yield Step("Writing maps", values.nbytes, partial(_write_map, values, exported, suffix))
        if exported.dicom is not None:
            write = partial(_write_dicom, values, exported, dicom, study, FIRST_SERIES + number)
            yield Step("Writing DICOM", values.nbytes, write)


def _write_map(values: np.ndarray, exported: ExportedMap, suffix: str, folder: Path) -> None:
    path = folder / f"{exported.path}.{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(np.where(np.isnan(values), 0, values), exported.geometry, path)  # many readers cannot handle NaN


def _write_dicom(
    values: np.ndarray, exported: ExportedMap, dicom: DicomSource, study: Dataset, series_number: int, folder: Path
) -> None:
    write_dicom_map(
        values,
        exported.geometry,
        folder / exported.dicom.folder,
        name=exported.dicom.name,
        units=exported.dicom.units,
        description=dicom.description or "",
        reference=study,
        series_number=series_number,
        provenance=dicom.provenance,
    )


def _series(exported: ExportedSeries) -> Series:
    provenance, notes = believed_record(exported.provenance)
    return Series(
        signal=load_array(exported.file, mapped=True),
        times=exported.times,
        geometry=exported.geometry,
        echo_time=exported.echo_time,
        sources=exported.sources or {},
        scalar_type=np.dtype(exported.scalar_type),
        name=exported.name,
        notes=notes,
        provenance=provenance,
    )


def _study(dicom: DicomSource) -> Dataset:
    """The patient and study of the reference image, else one new study of nobody for all maps."""
    if dicom.reference is not None:
        return read_source(dicom.reference)
    study = Dataset()
    study.StudyInstanceUID = generate_uid()
    study.FrameOfReferenceUID = generate_uid()
    study.StudyDescription = "DSCSuperRes"
    return study
