"""Frames to leave out of a series, in the words of the option: numbers from 0 such as "5, 17-19"."""

from __future__ import annotations

from dsc_superres.errors import DSCError
from dsc_superres.frames.excluded import frame_runs
from dsc_superres.pipeline.checks import Frames


def excludedFrames(words: str) -> tuple[int, ...]:
    """Return the frames that ``words`` name; none where they cannot be read."""
    try:
        return Frames()("exclude", words)
    except DSCError:
        return ()


def excludedWords(frames: tuple[int, ...]) -> str:
    """Return ``frames`` in words.

    >>> excludedWords((5, 17, 18, 19))
    '5, 17-19'
    """
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in frame_runs(frames))


def toggled(words: str, frame: int) -> str:
    """Return ``words`` with ``frame`` left out, or used again if it was left out."""
    frames = set(excludedFrames(words)) ^ {frame}
    return excludedWords(tuple(frames))
