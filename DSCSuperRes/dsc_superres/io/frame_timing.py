"""Which of the frame times that a file states are believed: image header, JSON sidecar and user beside each other.

A repetition time is the time between excitations. It is the time between frames only where each frame is taken with
one of them, so that of two intervals the longer one is believed: no frame is shorter than its excitations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.frames.gaps import gaps_of

PLAUSIBLE_INTERVAL = (0.1, 60.0)
"""Times between frames, s, that a scanner and a study may have."""
PLAUSIBLE_STEP = (0.005, 120.0)
"""Median step, s, of a list that states the time of each frame: that of a reconstruction may be short."""
TOLERANCE = 0.1
"""Relative difference from which two statements disagree."""
UNITS = ((1.0, "s"), (1000.0, "ms"), (1e6, "us"))
"""Number of units in a second and their names."""


@dataclass(frozen=True)
class Stated:
    """A frame interval, s, and where it is stated; ``is_placeholder`` where software writes it without knowing."""

    seconds: float
    source: str
    is_placeholder: bool = False


@dataclass(frozen=True)
class Listed:
    """The time of each frame, s, and where they are stated."""

    times: np.ndarray
    source: str


@dataclass(frozen=True)
class FrameTiming:
    """Frame times, s, the source that is believed, and sentences about others and about gaps."""

    times: np.ndarray
    source: str
    notes: tuple[str, ...] = ()


def given_interval(seconds: float) -> float:
    """Return the frame interval that the user gives, s. Raises ``SeriesError`` unless it is plausible."""
    low, high = PLAUSIBLE_INTERVAL
    if not low <= seconds <= high:
        raise SeriesError(
            f"The frame interval given is {seconds:g} s; it must lie between {low:g} and {high:g} s, the time from one "
            f"frame to the next in seconds{_proposal(seconds)}."
        )
    return seconds


def choose(
    name: str,
    frames: int,
    slices: int,
    lists: Sequence[Listed],
    intervals: Sequence[Stated],
    *,
    slice_span: float = 0.0,
    duration: float | None = None,
) -> FrameTiming | None:
    """Return the times to believe of what a series states; None where it states none.

    Parameters
    ----------
    name : str
        Of the series, for messages.
    frames, slices : int
    lists : sequence of Listed
        The most reliable first.
    intervals : sequence of Stated
    slice_span : float
        Time from the first to the last slice of a frame, s; 0 if unknown.
    duration : float, optional
        Of the whole acquisition, s.

    Raises
    ------
    SeriesError
        If nothing that is stated can be the time of frames.
    """
    notes: list[str] = []
    if lists:
        times, source = _in_seconds(lists[0], name, notes), lists[0].source
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        others = [Stated(float(np.median(np.diff(each.times))), each.source) for each in lists[1:]]
        notes += _contradicted(step, source, [*others, *intervals], "which states the time of each frame")
        return FrameTiming(times, source, tuple(notes))
    plausible, refused = [], []
    for each in intervals:
        converted = _plausible(each, notes)
        (refused if converted is None else plausible).append(converted or each)
    if not plausible:
        if refused:
            raise _implausible(name, refused[0], slices)
        return None
    believed, reason = _believed(plausible, frames, slice_span, duration)
    notes += [_too_short_or_long(each, believed) for each in refused]
    notes += _contradicted(believed.seconds, believed.source, plausible, reason)
    return FrameTiming(believed.seconds * np.arange(frames), believed.source, tuple(notes))


def given_notes(seconds: float, found: FrameTiming | None) -> tuple[str, ...]:
    """Return a sentence where the interval that the user gives, s, is not what the file states."""
    if found is None or len(found.times) < 2:
        return ()
    stated = float(np.median(np.diff(found.times)))
    if not _disagree(seconds, stated):
        return ()
    return (f"The frame interval is {seconds:g} s as given, although {found.source} states {stated:.4g} s.",)


def gap_notes(times: np.ndarray) -> tuple[str, ...]:
    """Return a sentence where frames are missing between times[t] (s): single steps longer than those around them."""
    gaps = gaps_of(times)
    if not len(gaps):
        return ()
    steps, usual = np.diff(times), float(np.median(np.diff(times)))
    places = ", ".join(f"{steps[k]:.4g} s between frames {k} and {k + 1}" for k in gaps[:3])
    more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
    return (
        f"The frame times have a gap ({places}{more}, {usual:.4g} s elsewhere): frames are missing there, or the clock "
        f"jumped; if it did, give the frame interval (--tr SECONDS).",
    )


def _in_seconds(listed: Listed, name: str, notes: list[str]) -> np.ndarray:
    """Return listed times in s, with a note where they are in another unit."""
    step = float(np.median(np.diff(listed.times))) if len(listed.times) > 1 else 1.0
    low, high = PLAUSIBLE_STEP
    if not step > high and not 0 < step < low:
        return listed.times  # steps that do not increase are refused by the series itself
    for per_second, unit in UNITS[1:]:
        if PLAUSIBLE_INTERVAL[0] <= step / per_second <= PLAUSIBLE_INTERVAL[1]:
            notes.append(
                f"The times in {listed.source} are {step:g} apart and taken as {unit}, {step / per_second:g} s."
            )
            return listed.times / per_second
    raise SeriesError(
        f"The frame times of {name} are {step:g} s apart ({listed.source}), which no perfusion series is: "
        "give the time between its frames (--tr SECONDS)."
    )


def _plausible(stated: Stated, notes: list[str]) -> Stated | None:
    """Return an interval in s, with a note where it was in another unit; None if it is none of a perfusion series."""
    low, high = PLAUSIBLE_INTERVAL
    if low <= stated.seconds <= high:
        return stated
    for per_second, unit in UNITS[1:]:
        seconds = stated.seconds / per_second
        if stated.seconds > high and 0.2 <= seconds <= 20:
            notes.append(f"{stated.source} states {stated.seconds:g} s, which is taken as {unit}: {seconds:g} s.")
            return Stated(seconds, f"{stated.source}, taken as {unit}")
    if 2e-4 <= stated.seconds <= 2e-2:
        seconds = 1000 * stated.seconds
        notes.append(
            f"{stated.source} states {stated.seconds:g} s, which is taken as {seconds:g} s: a unit was applied twice."
        )
        return Stated(seconds, f"{stated.source}, taken as {seconds:g} s")
    return None


def _believed(plausible: list[Stated], frames: int, slice_span: float, duration: float | None) -> tuple[Stated, str]:
    """Return the interval to believe and why, as a clause."""
    known = [each for each in plausible if not each.is_placeholder] or plausible
    if len(known) < len(plausible) and len(known) == 1:
        return known[0], "because software also writes 1 s where it does not know"
    fitting = [each for each in known if each.seconds > 0.98 * slice_span]
    if 0 < len(fitting) < len(known):
        longest = max(fitting, key=lambda each: each.seconds)
        return longest, f"because the slices of a frame are up to {slice_span:.4g} s apart (SliceTiming)"
    if duration is not None:
        fitting = [each for each in known if not _disagree(each.seconds, duration / frames)]
        if 0 < len(fitting) < len(known):
            return fitting[0], f"because the acquisition took {duration:.4g} s (AcquisitionDuration)"
    longest = max(known, key=lambda each: each.seconds)
    return longest, "because a frame may take several excitations but never less than one"


def _contradicted(seconds: float, source: str, others: Sequence[Stated], reason: str) -> list[str]:
    """Return a sentence for each of ``others`` that disagrees with the interval that is believed."""
    return [
        f"The frame interval is {seconds:.4g} s ({source}), not {each.seconds:.4g} s ({each.source}), {reason}; "
        "if that is wrong, give it (--tr SECONDS)."
        for each in others
        if _disagree(seconds, each.seconds)
    ]


def _disagree(a: float, b: float) -> bool:
    return abs(a - b) > TOLERANCE * min(abs(a), abs(b))


def _too_short_or_long(refused: Stated, believed: Stated) -> str:
    kind = "shorter" if refused.seconds < PLAUSIBLE_INTERVAL[0] else "longer"
    return (
        f"The frame interval is {believed.seconds:.4g} s ({believed.source}), because the {refused.seconds:g} s of "
        f"{refused.source} are {kind} than any frame; if that is wrong, give it (--tr SECONDS)."
    )


def _implausible(name: str, stated: Stated, slices: int) -> SeriesError:
    low, high = PLAUSIBLE_INTERVAL
    whole = slices * stated.seconds
    hint = ""
    if stated.seconds < low and slices > 1 and 0.3 <= whole <= 10:
        hint = f", which may be the time of one slice ({slices} of them take {whole:.4g} s)"
    if not stated.seconds > 0:
        return SeriesError(
            f"The frame interval of {name} is {stated.seconds:g} s ({stated.source}); it must be a positive number of "
            "seconds: give it (--tr SECONDS)."
        )
    return SeriesError(
        f"The frame interval of {name} is {stated.seconds:g} s ({stated.source}){hint}; frames are {low:g} to {high:g} "
        "s apart: give the time from one frame to the next (--tr SECONDS)."
    )


def _proposal(seconds: float) -> str:
    """Return the number that was probably meant, as the end of a sentence."""
    return f" (did you mean {seconds / 1000:g}?)" if 200 <= seconds <= 20_000 else ""
