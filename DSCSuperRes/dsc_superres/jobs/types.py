"""One job type per task: what it is asked to do, checked when it is made.

A job is made from Python, from a JSON file (``read_job``) or from a command line (``cli.arguments``); all three go
through the same checks. The options, their defaults and words are those of ``pipeline.case_options``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dsc_superres.jobs.export_types import ExportJob
from dsc_superres.pipeline.case_options import (
    SERIES_ROLES,
    Checked,
    CompareOptions,
    FrameOptions,
    ImageOptions,
    PerfusionOptions,
    ReadingOptions,
    ReconstructionOptions,
    ReconstructOptions,
    default_of,
    option,
    options_of,
)
from dsc_superres.pipeline.checks import Check, File, GeometryOption, JobError, Seconds, WholeNumber
from dsc_superres.utils.file_names import is_series_name

UNCERTAINTY = "uncertainty"


@dataclass(frozen=True)
class InputFile:
    """A series in a file; a ``.npy`` of float32[t, z, y, x] comes with its times (s) and geometry (LPS, mm).

    It may come with ``slice_times`` (s after the time of the frame) as well.
    """

    file: Path
    times: tuple[float, ...] | None = None
    geometry: Any = None
    slice_times: tuple[float, ...] | None = None


class InputFiles(Check):
    """Series by role."""

    roles = (*SERIES_ROLES, UNCERTAINTY)
    wish = f"an object of {', '.join(roles)}"
    metavar = "ROLE=FILE"
    nargs = "+"
    parts: ClassVar[dict[str, Check]] = {
        "file": File(),
        "times": Seconds(),
        "geometry": GeometryOption(),
        "slice_times": Seconds(),
    }

    def convert(self, name: str, value: Any) -> dict[str, InputFile]:
        pairs = dict(item.split("=", 1) for item in value) if isinstance(value, list) else value
        if not isinstance(pairs, Mapping) or not pairs or not set(pairs) <= set(self.roles):
            raise ValueError
        return {role: self._file(f"{name}.{role}", source) for role, source in pairs.items()}

    def _file(self, name: str, source: Any) -> InputFile:
        if isinstance(source, InputFile):
            return source
        if isinstance(source, str | Path):
            return InputFile(File()(name, source))
        if not isinstance(source, dict) or not {"file"} <= set(source) <= set(self.parts):
            raise JobError(f'The option "{name}" must be an object of {", ".join(self.parts)}.')
        return InputFile(**{key: self.parts[key](f"{name}.{key}", part) for key, part in source.items()})


def _check_arterial_input(job: PerfusionOptions, roles: Collection[str]) -> None:
    if job.aif_voxels is not None and job.aif is not None:
        raise JobError('The options "aif" and "aif_voxels" exclude each other.')
    if job.aif_series is not None and job.aif_voxels is None:
        raise JobError('The option "aif_series" says where "aif_voxels" are, which the job lacks.')
    if job.aif_series is not None and job.aif_series not in roles:
        choice = f"choose one of {', '.join(roles)}" if roles else "leave it out"
        raise JobError(f'The option "aif_series" names "{job.aif_series}", which this job does not have: {choice}.')


def _check_uncertainty_file(job: ReconstructionOptions) -> None:
    if isinstance(job.uncertainty, Path):
        raise JobError('The option "uncertainty" is a file only where the output is one: in a folder it has its name.')


@dataclass(frozen=True, kw_only=True)
class ReconstructJob(Checked, ReconstructOptions):
    """Reconstruct the input at finer pixels and more frames, and map the result.

    An ``output`` that is named like a series (.nii, .nii.gz, .seq.nrrd) gets the reconstruction alone.
    """

    task: ClassVar[str] = "reconstruct"
    output: Path = option(File("OUT"), "the folder for the results, or the file for the reconstruction alone")

    @property
    def one_file(self) -> bool:
        """Whether the output is the reconstruction's file, not a folder."""
        return is_series_name(self.output.name)

    @property
    def wants_maps(self) -> bool:
        """Whether maps are computed: there is no place for them beside a single file."""
        return self.maps and not self.one_file

    def check(self) -> None:
        _check_arterial_input(self, ("input", "reconstruction"))
        if not self.one_file:
            _check_uncertainty_file(self)
            return
        for name in (*options_of(PerfusionOptions), "report", "format"):
            if getattr(self, name) != default_of(ReconstructJob, name):
                raise JobError(f'The option "{name}" needs a folder as output, for a file holds the series alone.')


@dataclass(frozen=True, kw_only=True)
class CompareJob(Checked, CompareOptions):
    """Under-sample the input, reconstruct that, measure it against the input, and map both."""

    task: ClassVar[str] = "compare"
    output: Path = option(File("DIR"), "the folder for the results")

    @property
    def wants_maps(self) -> bool:
        """Whether maps are computed."""
        return self.maps

    def check(self) -> None:
        _check_arterial_input(self, SERIES_ROLES)
        if self.space % 1 or self.time % 1:
            raise JobError(
                f"Under-sampling factors are whole numbers, but the job has {self.space:g} and {self.time:g}."
            )
        _check_uncertainty_file(self)


@dataclass(frozen=True, kw_only=True)
class MapsJob(Checked, PerfusionOptions, FrameOptions, ReadingOptions):
    """Compute maps of the ``input``, into the folder ``output``; or of several ``inputs``, into folders in it.

    Several inputs are series of one scan (truth, input, reconstruction) and share one arterial input function.
    ``uncertainty`` belongs to the input, or to the reconstruction among the inputs.
    """

    task: ClassVar[str] = "maps"
    output: Path = option(File("OUTDIR"), "the folder for the maps")
    input: Path | None = option(File("IN"), "a dynamic series", None)
    inputs: Mapping[str, InputFile] | None = option(InputFiles(), "several series of one scan, by role", None)
    uncertainty: Path | None = option(
        File(),
        "standard deviation of the series' error, as reconstruct --uncertainty writes it",
        None,
        aliases=("--deviation",),
    )
    update_report: Path | None = option(
        File(), "a report.html of the inputs, of which a copy with these maps instead of its own is written", None
    )

    def check(self) -> None:
        if (self.input is None) == (self.inputs is None):
            raise JobError('The task "maps" needs the option "inputs", or "input" for a single series.')
        roles = {} if self.inputs is None else self.inputs
        if self.inputs is not None and self.exclude:
            raise JobError('The option "exclude" counts the frames of one series: give it with "input".')
        if self.inputs is not None and self.frame_interval is not None:
            raise JobError('The option "frame_interval" is that of one series: give it with "input".')
        if self.inputs is not None and self.motion == "correct":
            raise JobError('The option "motion" corrects a single series: give it with "input".')
        if UNCERTAINTY in roles and "reconstruction" not in roles:
            raise JobError('The option "inputs" holds an "uncertainty" but no "reconstruction" that it belongs to.')
        if self.update_report is not None and not {"input", "reconstruction"} <= set(roles):
            raise JobError('The option "update_report" needs "input" and "reconstruction" among the option "inputs".')
        _check_arterial_input(self, [role for role in roles if role != UNCERTAINTY])


@dataclass(frozen=True, kw_only=True)
class OpenJob(Checked, ImageOptions):
    """Read a series, or simulate the sample patient, into plain arrays for a program that must not wait for it."""

    task: ClassVar[str] = "open"
    output: Path = option(File("DIR"), "the folder for signal.npy")
    input: Path | None = option(File("IN"), "a dynamic series", None)
    sample_seed: int | None = option(WholeNumber("N"), "simulate this digital patient instead", None)
    sample_slices: int | None = option(WholeNumber("K", least=1), "slices of the digital patient", None)

    def check(self) -> None:
        if (self.input is None) == (self.sample_seed is None):
            raise JobError('The task "open" needs either the option "input" or the option "sample_seed".')


Job = ReconstructJob | CompareJob | MapsJob | ExportJob | OpenJob
JOB_TYPES: dict[str, type] = {
    job_type.task: job_type for job_type in (ReconstructJob, CompareJob, MapsJob, ExportJob, OpenJob)
}
