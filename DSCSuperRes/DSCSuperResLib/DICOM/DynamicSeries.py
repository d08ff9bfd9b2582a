"""Which series of a DICOM database are dynamic, from a few values that the database has at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

TAGS = {
    "modality": "0008,0060",
    "imageType": "0008,0008",
    "seriesDescription": "0008,103E",
    "protocolName": "0018,1030",
    "contrastAgent": "0018,0010",
    "position": "0020,0032",
    "echoTime": "0018,0081",
    "frames": "0028,0008",
    "temporalPositions": "0020,0105",
    "diffusion": "0018,9087",
    "diffusionSiemens": "0019,100C",
    "diffusionPhilips": "2001,1003",
}
"""Elements that are looked at, by the names that ``Value`` is asked for."""
DIFFUSION = ("diffusion", "diffusionSiemens", "diffusionPhilips")
FEWEST_FRAMES = 10
"""Fewer show no bolus: images with several contrasts or phases."""
PERFUSION_WORDS = ("perf", "dsc", "pwi", "bolus", "gado")
"""Parts of names that protocols of perfusion have."""

Value = Callable[[str, str], str]
"""Returns an element of a file, by its name in ``TAGS``; empty where the file lacks it."""


@dataclass(frozen=True)
class DynamicSeries:
    """A series of several frames.

    frames       number of frames of each echo; None where only the images themselves say it
    echoes       echo times in ms, ascending; empty where files do not state them
    isPerfusion  whether names or the contrast agent say that a bolus was followed
    """

    frames: int | None
    echoes: tuple[float, ...]
    isPerfusion: bool


def findDynamicSeries(files: Sequence[str], value: Value) -> DynamicSeries | None:
    """Return what is known of the series of ``files``; None if it is not dynamic, or not one that we read.

    One element of each file is asked for, and some more of a few files.
    """
    first = files[0]
    if value(first, "modality") != "MR" or _isDiffusion(files, value):
        return None
    if len(files) == 1:
        return _oneFile(first, value)
    frames, echoes = _framesAndEchoes(files, value)
    if frames < FEWEST_FRAMES:
        return None
    return DynamicSeries(frames, echoes, _isPerfusion(first, value))


def _framesAndEchoes(files: Sequence[str], value: Value) -> tuple[int, tuple[float, ...]]:
    if "MOSAIC" in value(files[0], "imageType").upper():  # a file has all slices of a frame
        samePlace, count = list(files), len(files)
    else:
        places: dict[str, list[str]] = {}
        for file in files:
            places.setdefault(value(file, "position"), []).append(file)
        samePlace = next(iter(places.values()))
        count = min(map(len, places.values()))  # the last frame of an aborted scan lacks slices
    echoes = {number for file in samePlace if (number := _number(value(file, "echoTime"))) is not None}
    return count // max(len(echoes), 1), tuple(sorted(echoes))


def _oneFile(file: str, value: Value) -> DynamicSeries | None:
    """Return what an enhanced file says of itself; only its name tells whether its images are frames or slices."""
    images, frames = (_number(value(file, name)) or 0 for name in ("frames", "temporalPositions"))
    perfusion = _isPerfusion(file, value)
    if frames >= FEWEST_FRAMES:
        return DynamicSeries(int(frames), (), perfusion)
    return DynamicSeries(None, (), True) if perfusion and images >= FEWEST_FRAMES else None


def _isDiffusion(files: Sequence[str], value: Value) -> bool:
    some = (files[0], files[len(files) // 2], files[-1])
    return any((_number(value(file, name)) or 0) > 0 for file in some for name in DIFFUSION)


def _isPerfusion(file: str, value: Value) -> bool:
    names = " ".join(value(file, name) for name in ("seriesDescription", "protocolName", "imageType")).lower()
    return bool(value(file, "contrastAgent")) or any(word in names for word in PERFUSION_WORDS)


def _number(text: str) -> float | None:
    try:
        return float(text.split("\\")[0])
    except ValueError:
        return None
