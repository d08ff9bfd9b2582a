"""The JSON file beside an image, for what its format cannot hold. Keys as in BIDS where BIDS has them.

``EchoTime`` s; ``RepetitionTime`` s from frame to frame, when uniform; ``FrameTimes`` s of every frame (also read as
BIDS' ``VolumeTiming``), or ``FrameNumbers`` when the times are unknown; ``Provenance``: where each of these came from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from dsc_superres.errors import FileError, os_error_text
from dsc_superres.io.image_file import stem_of
from dsc_superres.series import MISSING, Series


@dataclass(frozen=True)
class Sidecar:
    """What the file says. A value is looked at only when asked for, so that the user can override a bad one."""

    path: Path
    content: dict[str, Any] = field(default_factory=dict)

    def frame_times(self) -> tuple[np.ndarray | None, str]:
        """(time of every frame in s or None, where it came from). Raises ``FileError`` for anything but numbers."""
        for key in ("FrameTimes", "VolumeTiming", "FrameNumbers"):
            if key in self.content:
                source = MISSING if key == "FrameNumbers" else self.source("times", f"{self.path.name}, {key}")
                return np.atleast_1d(self._numbers(key)), source
        return None, MISSING

    def number(self, key: str) -> float | None:
        """One number, for instance ``EchoTime``. Raises ``FileError`` for anything else."""
        if self.content.get(key) is None:
            return None
        value = self._numbers(key)
        if value.size != 1:
            raise FileError(f"{key} in {self.path} has {value.size} values, not one: name the one of this series.")
        return float(value.ravel()[0])

    def source(self, key: str, default: str) -> str:
        """Where ``key`` (times, echo_time or geometry) came from, as recorded here."""
        provenance = self.content.get("Provenance")
        return str(provenance.get(key, default)) if isinstance(provenance, dict) else default

    def _numbers(self, key: str) -> np.ndarray:
        try:
            return np.array(self.content[key], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FileError(
                f"{key} in {self.path} is not a number or a list of numbers: correct or remove it."
            ) from error


def sidecar_path(image: Path) -> Path:
    """``scan.json`` for ``scan.nii.gz``."""
    return image.with_name(f"{stem_of(image)}.json")


def read_sidecar(image: Path) -> Sidecar:
    """The sidecar of ``image``; an empty one when there is none. Raises ``FileError`` when it cannot be understood."""
    path = sidecar_path(image)
    if not path.is_file():
        return Sidecar(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"Cannot read {path}, the sidecar of {image.name}: {os_error_text(error)}.") from error
    except ValueError as error:
        raise FileError(f"{path}, the sidecar of {image.name}, is not valid JSON: correct or remove it.") from error
    if not isinstance(content, dict):
        raise FileError(f"{path}, the sidecar of {image.name}, is not a JSON object: correct or remove it.")
    return Sidecar(path, content)


def sidecar_bytes(series: Series) -> bytes:
    """The sidecar of ``series``, ready to write. It holds nothing about the patient."""
    content: dict[str, Any] = {}
    if series.echo_time is not None:
        content["EchoTime"] = series.echo_time
    if series.has_times:
        interval = uniform_interval(series.times)
        if interval:
            content["RepetitionTime"] = interval
    content["FrameTimes" if series.has_times else "FrameNumbers"] = series.times.tolist()
    content["Provenance"] = dict(series.sources)
    content["GeneratedBy"] = [{"Name": "DSCSuperRes", "Version": _version()}]
    return (json.dumps(content, indent=2) + "\n").encode()


def uniform_interval(times: np.ndarray) -> float:
    """The interval of evenly spaced ``times`` (s, to within 0.1 ms), else 0."""
    step = float(times[-1] - times[0]) / (len(times) - 1)
    even = np.allclose(times, times[0] + step * np.arange(len(times)), rtol=0, atol=1e-4)
    return round(step, 9) if even else 0.0


def _version() -> str:
    try:
        return version("dsc-superres")
    except PackageNotFoundError:  # inside Slicer the package is not installed, only found
        return "unknown"
