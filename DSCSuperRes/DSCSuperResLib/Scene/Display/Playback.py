"""The time that a result shows, and whether that frame was acquired or reconstructed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer

FRAMES_PER_SECOND = 10.0
SAME_TIME = 2e-3
"""Largest distance in s of times that are equal, because MRML stores milliseconds."""


@dataclass(frozen=True)
class Moment:
    """The frame that the browser of a result shows.

    time            s
    frame           number of the frame, from 1, of ``frames``
    acquired        whether the input contains a frame of this time
    shownFrameTime  time of the shown frame of the input, s; None before its first frame
    """

    time: float
    frame: int
    frames: int
    acquired: bool
    shownFrameTime: float | None


def preparePlayback(browser: slicer.vtkMRMLSequenceBrowserNode) -> None:
    """Set up playback at a steady rate in a loop, with times in seconds."""
    with slicer.util.NodeModify(browser):
        browser.SetPlaybackRateFps(FRAMES_PER_SECOND)
        browser.SetPlaybackLooped(True)
        browser.SetPlaybackItemSkippingEnabled(True)
        browser.SetIndexDisplayMode(browser.IndexDisplayAsIndexValue)
        browser.SetIndexDisplayFormat("%.2f")


def shownMoment(result) -> Moment | None:
    """Return the moment that the result's browser shows; None without a browser or a frame."""
    browser = result.node("browser")
    times = result.times("reconstruction")
    if browser is None or not 0 <= browser.GetSelectedItemNumber() < len(times):
        return None
    frame = browser.GetSelectedItemNumber()
    acquired = result.times("input")
    before = acquired[acquired <= times[frame] + SAME_TIME]
    shown = float(before[-1]) if before.size else None
    same = bool(acquired.size and np.abs(acquired - times[frame]).min() <= SAME_TIME)
    return Moment(float(times[frame]), frame + 1, len(times), same, shown)
