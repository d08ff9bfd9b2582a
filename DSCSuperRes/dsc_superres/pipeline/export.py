"""Results as files for others, in one new folder: ``python -m dsc_superres.export --job job.json``.

Speaks the worker's protocol (see ``worker``): the result line is {"type": "result", "folder": ..., "files": [...]}.
Needs only numpy, SimpleITK and pydicom, as Slicer has them. The job is a JSON object; paths are relative to its file:

    output   the folder to make
    replace  whether a folder of that name goes away; only one that an export made
    files    a folder whose content is copied as it is; it holds provenance.json
    series   [{name, file (.npy, float32[t, z, y, x]), times (s), geometry, echo_time (s), sources, scalar_type,
               formats (nii.gz, seq.nrrd)}]
    maps     [{file (.npy, float32[z, y, x]), geometry, path (in the output, without suffix), formats (nii.gz, nrrd),
               dicom: {folder (in the output), name, units} or null}]
    dicom    {reference: a DICOM file or folder of the patient's study or null, description, provenance}
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dsc_superres.errors import Cancelled, FileError
from dsc_superres.geometry import Geometry
from dsc_superres.io import write_series, write_volume
from dsc_superres.io.dicom_maps import read_source, write_dicom_map
from dsc_superres.pipeline.jobs import JobError
from dsc_superres.series import Series
from dsc_superres.utils.atomic_writing import atomic_folder
from dsc_superres.utils.progress import Progress
from dsc_superres.worker.process import Channel, Listener, run

PROVENANCE, MARK = "provenance.json", "export"
"""The file, and the key in it, by which the folder of an export is known."""
SEQUENCE = "seq.nrrd"
"""The format of a series whose file has the name of the series alone."""
FIRST_SERIES = 9000
"""Number of the first DICOM series: far from those of a scanner."""


@dataclass(frozen=True)
class ExportJob:
    """See the text of this module."""

    output: Path
    replace: bool = False
    files: Path | None = None
    series: list[dict] = field(default_factory=list)
    maps: list[dict] = field(default_factory=list)
    dicom: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A part of the work: what it is called, about how many bytes it writes, and how."""

    stage: str
    size: int
    work: Callable[[Path], object]


def export(job_file: Path, report: Progress, stop: Callable[[], bool]) -> dict[str, object]:
    """Do the job; returns the fields of the result line. All files appear or none; ``DSCError`` says why not."""
    job = read_export_job(job_file)
    check_output(job.output, job.replace)
    with atomic_folder(job.output, replace=job.replace) as folder:
        if job.files is not None:
            shutil.copytree(job.files, folder, dirs_exist_ok=True)
        steps = [*_series_steps(job, job_file.parent), *_map_steps(job, job_file.parent)]
        total, done = sum(step.size for step in steps), 0
        for step in steps:
            if stop():
                raise Cancelled
            report(done / total, step.stage)
            step.work(folder)
            done += step.size
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        check_output(job.output, job.replace)  # somebody may have made it meanwhile
        if stop():
            raise Cancelled
    report(1.0, "Done")
    return {"folder": str(job.output), "files": files}


def read_export_job(path: Path) -> ExportJob:
    """The job in a JSON file. Raises ``FileError`` or ``JobError``."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        folder = path.absolute().parent
        files = fields.get("files")
        return ExportJob(
            **{**fields, "output": folder / fields["output"], "files": None if files is None else folder / files}
        )
    except OSError as error:
        raise FileError(f"The job file {path.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"The job file {path.name} is no export job: {type(error).__name__}, {error}.") from error


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
        return MARK in json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _series_steps(job: ExportJob, folder: Path) -> Iterator[Step]:
    for described in job.series:
        series = _read_series(described, folder)
        for suffix in described["formats"]:
            # Each format has a sidecar of the file's name of its own, which two formats of one name would share.
            name = f"{described['name']}{'' if suffix == SEQUENCE else '_4d'}.{suffix}"

            def write(target: Path, series: Series = series, name: str = name) -> None:
                write_series(series, target / name, integer=True)

            yield Step(f"Writing {name}", series.signal.nbytes, write)


def _map_steps(job: ExportJob, folder: Path) -> Iterator[Step]:
    source = _study(job.dicom) if any(one.get("dicom") for one in job.maps) else None
    for number, described in enumerate(job.maps):
        values, geometry = np.load(folder / described["file"]), Geometry(**described["geometry"])
        for suffix in described["formats"]:
            name = f"{described['path']}.{suffix}"

            def write(target: Path, values=values, geometry=geometry, name: str = name) -> None:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                write_volume(values, geometry, target / name)

            yield Step("Writing maps", values.nbytes, write)
        if described.get("dicom"):

            def write_dicom(target: Path, values=values, geometry=geometry, told=described["dicom"], n=number) -> None:
                write_dicom_map(
                    values,
                    geometry,
                    target / told["folder"],
                    name=told["name"],
                    units=told["units"],
                    description=job.dicom.get("description", ""),
                    reference=source,
                    series_number=FIRST_SERIES + n,
                    provenance=job.dicom.get("provenance"),
                )

            yield Step("Writing DICOM", values.nbytes, write_dicom)


def _read_series(described: dict, folder: Path) -> Series:
    return Series(
        signal=np.load(folder / described["file"], mmap_mode="r"),
        times=described["times"],
        geometry=Geometry(**described["geometry"]),
        echo_time=described.get("echo_time"),
        sources=described["sources"],
        scalar_type=np.dtype(described["scalar_type"]),
        name=described["name"],
    )


def _study(dicom: dict) -> Dataset:
    """Whose maps these are: the reference image's patient and study, else one new study of nobody for all maps."""
    if dicom.get("reference"):
        return read_source(dicom["reference"])
    study = Dataset()
    study.StudyInstanceUID, study.FrameOfReferenceUID = generate_uid(), generate_uid()
    study.StudyDescription = "DSCSuperRes"
    return study


def main(arguments: list[str] | None = None) -> int:
    """Do one job; returns the exit code, as the worker's."""
    parser = argparse.ArgumentParser(
        prog="python -m dsc_superres.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--job", metavar="FILE", type=Path, required=True, help="the JSON file that says what to do")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    return run(options.job, Channel(), Listener(), export)


if __name__ == "__main__":
    sys.exit(main())
