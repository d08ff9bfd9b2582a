"""The times of the slices of a frame, as a JSON sidecar states them (BIDS: ``SliceTiming``)."""

from __future__ import annotations

import numpy as np

from dsc_superres.io.sidecar import Sidecar


def read_slice_times(
    sidecar: Sidecar, slices: int, interval: float | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the time of each slice after that of its frame, float64[z] in s or None, and sentences about them.

    ``SliceEncodingDirection`` "k-" lists the slices in reverse. Times that cannot be those of ``slices`` slices of
    frames ``interval`` s apart (None: unknown) are not used, which a sentence says.
    """
    if sidecar.content.get("SliceTiming") is None:
        return None, ()
    where = "SliceTiming in the sidecar"
    times = np.atleast_1d(sidecar.numbers("SliceTiming")).ravel()
    direction = str(sidecar.content.get("SliceEncodingDirection") or "k")
    if direction not in ("k", "k-"):
        return None, (f"{where} is not used: its slices lie along another axis of the image ({direction}).",)
    if times.shape != (slices,):
        return None, (f"{where} is not used: it has {times.size} values for {slices} slices.",)
    if not np.isfinite(times).all() or times.min() < 0:
        return None, (f"{where} is not used: not all of its values are times after the begin of a frame.",)
    if direction == "k-":
        times = times[::-1]
    if interval is None or times.max() <= 1.02 * interval:
        return times, ()
    if times.max() > 20 and times.max() / 1000 <= 1.02 * interval:
        return times / 1000, (f"{where} reaches {times.max():g} and is taken as ms.",)
    return None, (f"{where} is not used: it reaches {times.max():g} s, but frames are {interval:.4g} s apart.",)
