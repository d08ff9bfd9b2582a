"""The dynamic series: signal, frame times and geometry as one immutable value."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.utils.scratch_memory import release
from dsc_superres.utils.versions import versions

MISSING = "missing"
"""Entry of ``Series.sources`` for a value that the file does not contain."""
SAME_TIME = 1e-3
"""Difference of times in s below which a frame of a reconstruction is one that was acquired."""
ROLES = ("acquired", "under-sampled", "reconstruction", "uncertainty", "difference", "digital patient")
"""What a series is that this software wrote: the entry "role" of ``Series.provenance``."""


@dataclass(frozen=True, eq=False)
class Series:
    """A dynamic MR series, immutable and checked when it is created.

    Parameters
    ----------
    signal : array, [t, z, y, x]
        Finite values in arbitrary units, at least two frames. Stored as read-only float32.
    times : array, [t]
        Time of each frame in s, strictly increasing but not necessarily uniform; 0, 1, 2, ... if unknown.
        Stored as read-only float64.
    geometry : Geometry
        Voxel grid of every frame in patient space.
    echo_time : float or None
        Echo time in s; None if unknown.
    sources : mapping of str to str
        Origin of "times", "echo_time" and "geometry" in words; ``MISSING`` for values that the file does not contain.
    scalar_type : dtype
        Type of the voxels in the file, used to write them back.
    name : str
        Name used in messages.
    slice_times : array, [z], or None
        Time of each slice after the time of its frame in s, the same in every frame. Stored as read-only float64; None
        if unknown.
    missing_times : array, [m]
        Times in s, among those of the frames, at which a frame was acquired but left out. Stored as read-only float64.
    notes : tuple of str
        Sentences about what the reader of the file found or decided; every result of the series repeats them.
    provenance : mapping of str to object
        How this software made the series, in plain values for JSON: role (one of ``ROLES``), versions, model, settings,
        acquired_times_s, and input, the provenance of what it was made of. Empty for a series from elsewhere.

    Raises
    ------
    SeriesError
        If a value is not possible, in one sentence.

    Examples
    --------
    >>> import numpy as np
    >>> series = Series(np.ones((4, 2, 3, 5)), times=[0, 1.5, 3, 4.5], echo_time=0.03)
    >>> series.frames, series.size, series.interval
    (4, (5, 3, 2), 1.5)
    >>> series.with_signal(2 * series.signal).echo_time
    0.03
    """

    signal: np.ndarray
    times: np.ndarray
    geometry: Geometry = field(default_factory=Geometry)
    echo_time: float | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    scalar_type: np.dtype | type = np.float32
    name: str = "series"
    slice_times: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    missing_times: np.ndarray = ()
    provenance: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        signal = np.asarray(self.signal)
        if signal.ndim != 4:
            raise SeriesError(
                f"{self.name} has {signal.ndim} dimensions, not 4 (time, slice, row, column): choose a dynamic series."
            )
        if 0 in signal.shape:
            raise SeriesError(f"{self.name} is empty: its size is {signal.shape}.")
        if signal.shape[0] < 2:
            raise SeriesError(f"{self.name} has a single frame; a perfusion series needs at least two.")
        signal = np.ascontiguousarray(signal, dtype=np.float32).view()
        for index, frame in enumerate(signal):
            # The sum is finite exactly when every term is, short of overflow: a check without a boolean copy.
            if not np.isfinite(np.sum(frame, dtype=np.float64)) and not np.isfinite(frame).all():
                raise SeriesError(
                    f"{self.name} contains values that are not finite (NaN or infinity), first in frame {index}: "
                    "replace them before loading."
                )
            release(frame)
        times = np.array(self.times, dtype=np.float64)
        if times.shape != signal.shape[:1]:
            raise SeriesError(f"{self.name} has {signal.shape[0]} frames but {times.size} frame times.")
        if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
            raise SeriesError(f"The frame times of {self.name} do not increase from frame to frame: correct them.")
        if self.echo_time is not None and not 0 < self.echo_time < 1:
            meant = f"--te {self.echo_time / 1000:g}" if 1 < self.echo_time < 1000 else "--te SECONDS"
            raise SeriesError(
                f"The echo time of {self.name} is {self.echo_time:g} s; it must lie between 0 and 1 s (DSC uses 0.02 "
                f"to 0.05 s): give it in seconds ({meant})."
            )
        if self.slice_times is not None:
            slice_times = np.array(self.slice_times, dtype=np.float64)
            if slice_times.shape != signal.shape[1:2] or not np.all(np.isfinite(slice_times)):
                raise SeriesError(
                    f"{self.name} has {signal.shape[1]} slices but {slice_times.size} slice times, or some are not "
                    "numbers: correct or remove them."
                )
            slice_times.flags.writeable = False
            object.__setattr__(self, "slice_times", slice_times)
        signal.flags.writeable = False
        times.flags.writeable = False
        assign = object.__setattr__
        assign(self, "signal", signal)
        assign(self, "times", times)
        assign(self, "notes", tuple(self.notes))
        missing_times = np.array(self.missing_times, dtype=np.float64)
        missing_times.flags.writeable = False
        assign(self, "missing_times", missing_times)
        assign(self, "provenance", MappingProxyType(dict(self.provenance)))
        assign(self, "scalar_type", np.dtype(self.scalar_type))
        sources = {"times": "given", "geometry": "given", "echo_time": "given", **self.sources}
        if self.echo_time is None:
            sources["echo_time"] = MISSING
        elif sources["echo_time"] == MISSING:
            sources["echo_time"] = "given"
        assign(self, "sources", MappingProxyType(sources))

    @property
    def frames(self) -> int:
        """Number of frames (time points)."""
        return self.signal.shape[0]

    @property
    def size(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z, in the order of ``Geometry``."""
        return self.signal.shape[:0:-1]

    @property
    def interval(self) -> float:
        """Median time between frames in s."""
        return float(np.median(np.diff(self.times)))

    @property
    def has_times(self) -> bool:
        """Whether the frame times are known; otherwise they are frame numbers."""
        return self.sources["times"] != MISSING

    @property
    def reconstructed(self) -> Mapping[str, object] | None:
        """The provenance of its reconstruction where this software reconstructed it, maybe under-sampled afterwards."""
        made = self.provenance
        while made.get("role") == "under-sampled":
            made = made.get("input", {})
        return made if made.get("role") == "reconstruction" else None

    @property
    def acquired_times(self) -> np.ndarray | None:
        """Times of the acquired frames that a reconstruction was made of, float64[k] in s; None for other series."""
        acquired = (self.reconstructed or {}).get("acquired_times_s")
        return np.array(acquired, np.float64) if acquired else None

    def derived(self, role: str, **facts: object) -> dict[str, object]:
        """Return the provenance of what is made of this series in the ``role``."""
        made = {"role": role, "versions": versions(), **facts}
        return {**made, "input": dict(self.provenance)} if self.provenance else made

    def described(self, **words: object) -> Series:
        """Return a copy with other words about it (name, notes, sources, provenance), whose signal is not checked."""
        other = copy.copy(self)
        for name, value in words.items():
            object.__setattr__(other, name, MappingProxyType(dict(value)) if isinstance(value, Mapping) else value)
        return other

    def with_signal(self, signal: np.ndarray, **changes: object) -> Series:
        """Return a copy with another signal and, optionally, other fields; everything else is kept."""
        return replace(self, signal=signal, **changes)
