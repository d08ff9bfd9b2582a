"""The options of the work on a series, each stated once: its default, its check, its unit and its words.

Job files, the command line and the panel are made of these. Imports nothing heavy, for the command line's sake.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_superres.models import DEFAULT_MODEL
from dsc_superres.pipeline.checks import (
    Check,
    Choice,
    File,
    Flag,
    FlagOrFile,
    Frames,
    GeometryOption,
    NameOrFile,
    Number,
    Seconds,
    Span,
    Text,
    Texts,
    Threshold,
    Voxels,
    WholeNumber,
)

if TYPE_CHECKING:
    from dsc_superres.geometry import Geometry
    from dsc_superres.perfusion import MapOptions

DEVICES = ("auto", "cpu", "cuda", "mps")
MOTION = ("off", "warn", "correct")
OPERATORS = ("block", "kspace")
FORMATS = ("seq.nrrd", "nii.gz", "npy")
SERIES_ROLES = ("truth", "input", "reconstruction")
MAP_OPTIONS = (
    "method",
    "leakage",
    "kh_over_rho",
    "threshold",
    "as_published",
    "oscillation",
    "integration_end",
    "baseline",
    "spatial_prior",
)
"""The options that ``perfusion.MapOptions`` takes; None leaves its default."""


@dataclass(frozen=True)
class Option:
    """How an option is checked and what is said of it. ``aliases`` are further names on the command line."""

    check: Check
    words: str
    aliases: tuple[str, ...] = ()


def option(check: Check, words: str, default: Any = MISSING, *, aliases: tuple[str, ...] = ()) -> Any:
    """A dataclass field that carries its ``Option``; one without a ``default`` must be given."""
    return field(default=default, metadata={"option": Option(check, words, aliases)})


def options_of(job_type: type) -> dict[str, Option]:
    """The options of a job type by name, in their order."""
    return {one.name: one.metadata["option"] for one in fields(job_type) if "option" in one.metadata}


def required_options(job_type: type) -> list[str]:
    """The options that have no default."""
    return [one.name for one in fields(job_type) if "option" in one.metadata and one.default is MISSING]


def default_of(job_type: type, name: str) -> Any:
    """The default of an option; None where there is none."""
    default = next(one.default for one in fields(job_type) if one.name == name)
    return None if default is MISSING else default


class Checked:
    """Makes a dataclass check its options when it is made."""

    def __post_init__(self) -> None:
        for name, one in options_of(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, one.check(name, value))
        self.check()

    def check(self) -> None:
        """Raise ``JobError`` where options do not go together."""


@dataclass(frozen=True, kw_only=True)
class TimingOptions:
    """What the file of a series may not say, or say wrongly."""

    echo_time: float | None = option(
        Number("S"), "echo time in seconds, instead of the file's", None, aliases=("--te",)
    )
    frame_interval: float | None = option(
        Number("S"), "time between frames in seconds, instead of the file's times", None, aliases=("--tr",)
    )
    slice_timing: bool = option(
        Flag(), "use the times of the slices within their frame, where the file states them", True
    )


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """Which images of a DICOM folder are read."""

    series: int | None = option(WholeNumber("N"), "number of the DICOM series in a folder that has several", None)
    echo: int | None = option(WholeNumber("N", least=1), "echo of a DICOM series that has several, from 1", None)
    stack: int | None = option(
        WholeNumber("N", least=1), "stack of slices of a DICOM series that has several, from 1", None
    )

    def image_choice(self) -> dict[str, int | None]:
        """What ``io.read_series`` takes of these options."""
        return {"series": self.series, "echo": self.echo, "stack": self.stack}


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(TimingOptions, ImageOptions):
    """How the file of a series is read."""


@dataclass(frozen=True, kw_only=True)
class FrameOptions:
    """Which frames of a series count, and what is done about a head that moves."""

    exclude: tuple[int, ...] = option(Frames(), "frames to leave out, counted from 0", ())
    motion: str = option(Choice(*MOTION), "motion of the head: not looked for, noted, or corrected", "warn")


@dataclass(frozen=True, kw_only=True)
class SourceOptions(FrameOptions, ReadingOptions):
    """The series to work on."""

    input: Path = option(File("IN"), "a dynamic series of any format, or a .npy of float32[t, z, y, x]")
    times: tuple[float, ...] | None = option(Seconds(), "frame times in seconds of a .npy input", None)
    slice_times: tuple[float, ...] | None = option(
        Seconds(), "times of the slices of a .npy input after that of their frame, in seconds", None
    )
    geometry: Geometry | None = option(
        GeometryOption(), "spacing, origin and direction (LPS, mm) of a .npy input, as JSON", None
    )


@dataclass(frozen=True, kw_only=True)
class ReconstructionOptions:
    """How a series is reconstructed."""

    space: float = option(Number("S", least=1, most=16), "in-plane factor", 2)
    time: float = option(
        Number("T", least=1, most=1000),
        "factor in time; a whole one keeps the times of all acquired frames, any other those of the first and the last",
        4,
    )
    model: str = option(NameOrFile("NAME|FILE"), "a model's name, or a .safetensors file", DEFAULT_MODEL)
    device: str = option(Choice(*DEVICES), "where networks run", "auto")
    fast: bool = option(Flag(), "16-bit network where processor or GPU have instructions for it: twice as fast", True)
    uncertainty: bool | Path = option(
        FlagOrFile(),
        "also write the standard deviation of the error, for models that estimate it",
        False,
        aliases=("--deviation",),
    )

    def network_arguments(self) -> dict[str, Any]:
        """What ``reconstruct`` takes of these options, whichever model reconstructs."""
        return {"space": self.space, "time": self.time, "device": self.device, "fast": self.fast}


@dataclass(frozen=True, kw_only=True)
class PerfusionOptions:
    """How perfusion maps are computed."""

    mask: str = option(NameOrFile("FILE|auto|none"), "the brain: found, everything, or a mask file", "auto")
    aif: Path | None = option(
        File("FILE.csv"), "arterial input function: columns time_s, delta_r2star (default: found)", None
    )
    aif_voxels: tuple[tuple[int, int, int], ...] | None = option(
        Voxels(), "voxels whose mean curve is the arterial input function", None
    )
    aif_series: str | None = option(
        Choice(*SERIES_ROLES), "the series that these voxels are on (default: the first)", None
    )
    vein: Path | None = option(
        File("FILE"), "mask of a large vein, to whose area the arterial input function is scaled (default: not)", None
    )
    method: str = option(Text("M"), "deconvolution: bayes, csvd, osvd or ssvd", "bayes")
    leakage: str = option(Text("L"), "leakage correction: none, bsw or bidirectional", "none")
    kh_over_rho: float | None = option(Number("X"), "hematocrit factor over density, mL/g (default: 0.705)", None)
    threshold: float | str | None = option(
        Threshold(), "of csvd and ssvd (default: 0.1, 0.2 as published), or the step of osvd (0.05)", None
    )
    as_published: bool = option(Flag(), "osvd exactly as published, where CBF depends on the delay", False)
    oscillation: float | None = option(Number("X"), "osvd: limit of the oscillation index (default: 0.035)", None)
    integration_end: float | None = option(
        Number("S"), "end of CBV's areas in seconds after the arrival (default: chosen)", None
    )
    baseline: tuple[float, float] | None = option(
        Span(), "begin and end of the baseline in seconds (default: found)", None
    )
    spatial_prior: bool = option(
        Flag(), "bayes: neighboring voxels have similar transit times and delays, as far as the data say so", True
    )

    reference: str = option(
        NameOrFile("FILE|auto|none"),
        "white matter that relative maps refer to: found, no such maps, or a mask file",
        "auto",
    )

    def map_options(self) -> MapOptions:
        """The choices for ``compute_maps``. Raises ``PerfusionError`` where they do not go together."""
        from dsc_superres.perfusion import MapOptions

        chosen = {name: getattr(self, name) for name in MAP_OPTIONS}
        return MapOptions(**{name: value for name, value in chosen.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What is written beside the reconstruction, and how."""

    maps: bool = option(Flag(), "compute perfusion maps", True)
    report: bool = option(Flag(), "write report.html", False)
    format: str = option(Choice(*FORMATS), "of the series in the folder of results", "seq.nrrd")
    integer: bool = option(Flag(), "round series to the input's own type, where that is one of whole numbers", False)


@dataclass(frozen=True, kw_only=True)
class ReconstructOptions(OutputOptions, PerfusionOptions, ReconstructionOptions, SourceOptions):
    """Reconstruct a series."""

    interval: float | None = option(Number("S"), "seconds between reconstructed frames, instead of --time", None)


@dataclass(frozen=True, kw_only=True)
class CompareOptions(OutputOptions, PerfusionOptions, ReconstructionOptions, SourceOptions):
    """Under-sample a series, reconstruct that, and measure it against the series."""

    operator: str = option(Choice(*OPERATORS), "how the series is under-sampled in space", "block")
    baselines: tuple[str, ...] = option(Texts("NAME"), "further models to measure beside the model", ())
    baseline_maps: bool = option(Flag(), "compute maps of the further models, too", True)
