"""The JSON sidecar of an image, for what the image format cannot store. Keys follow BIDS where it defines them.

``EchoTime`` in s; ``RepetitionTime``, s from frame to frame, if uniform; ``FrameTimes``, s of each frame (BIDS'
``VolumeTiming`` and ``FrameTimesStart`` are read as well), or ``FrameNumbers`` if the times are unknown;
``SliceTiming``, s of each slice after its frame, if known; ``Provenance``, the sources of these, and how this software
made the series (see ``Series.provenance``); ``ImageChecksum``, of the image that all this belongs to: beside another
one, the sidecar is ignored. One without a checksum is believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from dsc_superres.errors import FileError
from dsc_superres.io.bids_sidecar import inherited
from dsc_superres.io.image_checksum import has_checksum
from dsc_superres.io.image_file import stem_of, without_name
from dsc_superres.io.recorded_provenance import provenance_record
from dsc_superres.series import MISSING, Series
from dsc_superres.utils.small_files import read_json

ANOTHER_IMAGE = (
    "The sidecar (.json) was written for another image, so it is ignored: give the echo time (--te) and the frame "
    "interval (--tr) if they are in no header."
)
"""Not the name of the file, which may name a patient: notes are kept with results."""


@dataclass(frozen=True)
class Sidecar:
    """Content of a sidecar. Values are checked only when used, so that the user can override an invalid one.

    notes    as in ``Series.notes``
    """

    path: Path
    content: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def frame_times(self) -> tuple[np.ndarray | None, str]:
        """Return the time of each frame (s or None) and its source. Raises ``FileError`` unless they are numbers."""
        for key in ("FrameTimes", "VolumeTiming", "FrameTimesStart", "FrameNumbers"):
            if key in self.content:
                source = MISSING if key == "FrameNumbers" else self.source("times", f"sidecar, {key}")
                return np.atleast_1d(self.numbers(key)), source
        return None, MISSING

    def number(self, key: str) -> float | None:
        """Return a single number such as ``EchoTime``, or None. Raises ``FileError`` if the value is not a number."""
        if self.content.get(key) is None:
            return None
        value = np.unique(self.numbers(key))
        if value.size != 1:
            raise FileError(f"{key} in {self.path} has {value.size} values, not one: name the one of this series.")
        return float(value[0])

    def source(self, key: str, default: str) -> str:
        """Return the recorded source of a value ("times", "echo_time" or "geometry"), else ``default``."""
        return without_name(str(self.provenance.get(key, default)))

    @property
    def provenance(self) -> dict[str, Any]:
        """What this software recorded: sources and provenance; empty in a sidecar of other software."""
        generators, provenance = self.content.get("GeneratedBy"), self.content.get("Provenance")
        names = [one.get("Name") for one in generators if isinstance(one, dict)] if isinstance(generators, list) else []
        return provenance if "DSCSuperRes" in names and isinstance(provenance, dict) else {}

    def numbers(self, key: str) -> np.ndarray:
        """Return a number or a list of them. Raises ``FileError`` if the value is neither."""
        try:
            return np.array(self.content[key], dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise FileError(
                f"{key} in {self.path} is not a number or a list of numbers: correct or remove it."
            ) from error


def sidecar_path(image: Path) -> Path:
    """Return the path of an image's sidecar: ``scan.json`` for ``scan.nii.gz``."""
    return image.with_name(f"{stem_of(image)}.json")


def read_sidecar(image: Path) -> Sidecar:
    """Read the sidecar of ``image``; it is empty if there is no such file. Raises ``FileError`` if it is not valid."""
    path = sidecar_path(image)
    if not path.is_file():
        return Sidecar(path, inherited(image, stem_of(image)))
    content = read_json(path, f"{path}, the sidecar of {image.name},", both=True)
    if not isinstance(content, dict):
        raise FileError(f"{path}, the sidecar of {image.name}, is not a JSON object: correct or remove it.")
    checksum = content.get("ImageChecksum")
    if checksum is not None and not has_checksum(image, str(checksum)):
        return Sidecar(path, notes=(ANOTHER_IMAGE,))
    return Sidecar(path, content if checksum is not None else inherited(image, stem_of(image)) | content)


def sidecar_bytes(series: Series, checksum: str) -> bytes:
    """Return the content of the sidecar file of ``series``. It contains nothing about the patient."""
    content: dict[str, Any] = {}
    if series.echo_time is not None:
        content["EchoTime"] = series.echo_time
    if series.has_times:
        interval = uniform_interval(series.times)
        if interval:
            content["RepetitionTime"] = interval
    content["FrameTimes" if series.has_times else "FrameNumbers"] = series.times.tolist()
    if series.slice_times is not None:
        content["SliceTiming"] = series.slice_times.tolist()
    content |= recorded(provenance_record(series), series.sources)
    content["ImageChecksum"] = checksum
    return (json.dumps(content, indent=2) + "\n").encode()


def recorded(record: Mapping[str, object], sources: Mapping[str, str]) -> dict[str, Any]:
    """Return the entries of a sidecar that hold provenance and sources, which are believed of this software only."""
    generator = {"Name": "DSCSuperRes", "Version": _version()}
    return {"Provenance": {**record, **sources}, "GeneratedBy": [generator]}


def uniform_interval(times: np.ndarray) -> float:
    """Return the interval of evenly spaced ``times`` (s, within 0.1 ms), else 0."""
    step = float(times[-1] - times[0]) / (len(times) - 1)
    even = np.allclose(times, times[0] + step * np.arange(len(times)), rtol=0, atol=1e-4)
    return round(step, 9) if even else 0.0


def _version() -> str:
    try:
        return version("dsc-superres")
    except PackageNotFoundError:  # inside Slicer the package is on the path without being installed
        return "unknown"
