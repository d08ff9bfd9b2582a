"""What an export is asked to write: series, maps, DICOM series, and files as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from dsc_superres.pipeline.case_options import Checked, option, required_options
from dsc_superres.pipeline.checks import (
    Check,
    Choice,
    File,
    Flag,
    GeometryOption,
    JobError,
    Number,
    Seconds,
    Text,
    Texts,
    possible_path,
)

if TYPE_CHECKING:
    from dsc_superres.geometry import Geometry


class PathInside(Text):
    """A relative path that stays within the folder that it starts from."""

    wish = "a relative path that stays in the output folder"

    def convert(self, name: str, value: Any) -> str:
        path = PurePosixPath(possible_path(super().convert(name, value)).replace("\\", "/"))
        if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise ValueError
        return path.as_posix()


class Formats(Texts):
    """A list of file formats."""

    def __init__(self, *allowed: str) -> None:
        super().__init__("FORMAT")
        self.allowed = allowed
        self.wish = f"a list of {', '.join(allowed)}"

    def convert(self, name: str, value: Any) -> tuple[str, ...]:
        return tuple(Choice(*self.allowed)(name, item) for item in super().convert(name, value))


class VoxelType(Text):
    """The name that numpy gives to a type of real numbers."""

    wish = "a type of real numbers, such as int16 or float32"

    def convert(self, name: str, value: Any) -> str:
        names = r"u?int(8|16|32|64)|float(16|32|64)|[<>=|]?([iuf][1248]|b1)|bool"
        if not re.fullmatch(names, super().convert(name, value)):
            raise ValueError
        return value


class WordsByName(Check):
    """Texts by name."""

    wish = "an object of texts"

    def convert(self, name: str, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(word, str) for word in value.values()):
            raise ValueError
        return dict(value)


class PlainValues(Check):
    """An object of any plain values."""

    wish = "an object"

    def convert(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError
        return dict(value)


class Record(Check):
    """A value of a dataclass of options, or an object with its fields."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.wish = f"an object of {', '.join(one.name for one in fields(kind))}"

    def convert(self, name: str, value: Any) -> Any:
        if isinstance(value, self.kind):
            return value
        known = {one.name for one in fields(self.kind)}
        if not isinstance(value, dict) or not set(value) <= known:
            raise ValueError
        for missing in (one for one in required_options(self.kind) if value.get(one) is None):
            raise JobError(f'The option "{name}" lacks the field "{missing}".')
        try:
            return self.kind(**{key: one for key, one in value.items() if one is not None})  # null: not given
        except JobError as error:
            raise JobError(f"{name}: {error}") from error


class Records(Record):
    """A list of such values."""

    def convert(self, name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError
        return tuple(super(Records, self).convert(f"{name}[{number}]", item) for number, item in enumerate(value))


@dataclass(frozen=True, kw_only=True)
class ExportedSeries(Checked):
    """A series as .npy of float32[t, z, y, x], and what its files are to say."""

    name: str = option(PathInside(), "name of the files, without suffix")
    file: Path = option(File(), "the .npy")
    times: tuple[float, ...] = option(Seconds(), "s")
    geometry: Geometry = option(GeometryOption(), "spacing, origin and direction (LPS, mm)")
    formats: tuple[str, ...] = option(Formats("nii.gz", "seq.nrrd"), "of the files to write")
    echo_time: float | None = option(Number("S"), "s", None)
    sources: dict[str, str] | None = option(WordsByName(), "where times, echo time and geometry came from", None)
    provenance: dict[str, Any] | None = option(PlainValues(), "how the series came about, and notes", None)
    scalar_type: str = option(VoxelType(), "numpy's name of the voxels' type", "float32")


@dataclass(frozen=True, kw_only=True)
class DicomSeries(Checked):
    """A map as a DICOM series."""

    folder: str = option(PathInside(), "in the output")
    name: str = option(Text(), "of the map")
    units: str = option(Text(), "of its values")


@dataclass(frozen=True, kw_only=True)
class ExportedMap(Checked):
    """A map as .npy of float32[z, y, x]."""

    file: Path = option(File(), "the .npy")
    geometry: Geometry = option(GeometryOption(), "spacing, origin and direction (LPS, mm)")
    path: str = option(PathInside(), "of the files in the output, without suffix")
    formats: tuple[str, ...] = option(Formats("nii.gz", "nrrd"), "of the files to write")
    dicom: DicomSeries | None = option(Record(DicomSeries), "whether it becomes DICOM too", None)


@dataclass(frozen=True, kw_only=True)
class DicomSource(Checked):
    """Whose maps they are: the patient and study of a reference image, or a new study of nobody."""

    reference: Path | None = option(File(), "a DICOM file or folder of the study", None)
    description: str | None = option(Text(), "of the series", None)
    provenance: dict[str, str] | None = option(WordsByName(), "how the maps came about", None)


@dataclass(frozen=True, kw_only=True)
class ExportJob(Checked):
    """Write results for others into one new folder: series, maps, DICOM, and files as they are."""

    task: ClassVar[str] = "export"
    output: Path = option(File("DIR"), "the folder to make")
    replace: bool = option(Flag(), "whether an earlier export of that name goes", False)
    files: Path | None = option(File("DIR"), "a folder whose content is copied; it holds provenance.json", None)
    series: tuple[ExportedSeries, ...] = option(Records(ExportedSeries), "series to write", ())
    maps: tuple[ExportedMap, ...] = option(Records(ExportedMap), "maps to write", ())
    dicom: DicomSource | None = option(Record(DicomSource), "whose maps the DICOM series are", None)
