"""The motion of a head in words and plain values."""

from __future__ import annotations

import numpy as np

from dsc_superres.frames.excluded import frames_text
from dsc_superres.motion.correct import moving_frames
from dsc_superres.motion.head_motion import HeadMotion

NOTED_MOTION = 0.5
"""mm, mean over the head, above which motion is worth a note: still heads stay below, whatever the bolus."""
MOST_NAMED = 8
"""Frames that a note names."""


def motion_notes(motion: HeadMotion | None, correct: bool) -> tuple[str, ...]:
    """Return a sentence about the motion that was found, or corrected; none where there is nothing to tell of."""
    if motion is None:
        return ()
    moved = moving_frames(motion)
    most = int(motion.displacement.argmax())
    amount = f"up to {motion.displacement[most]:.1f} mm and {motion.rotation.max():.1f} degrees (most in frame {most})"
    if correct:
        return (f"The head moves by {amount}: {len(moved)} frames were moved back.",) if len(moved) else ()
    if motion.displacement[most] <= NOTED_MOTION:
        return ()
    bad = [int(frame) for frame in (motion.displacement > NOTED_MOTION).nonzero()[0]]
    few = f", or leave {frames_text(bad).replace('F', 'f')} out (--exclude)" if len(bad) <= MOST_NAMED else ""
    return (f"The head moves by {amount}, which distorts maps: correct it (--motion correct){few}.",)


def motion_record(motion: HeadMotion | None, times: np.ndarray, choice: str) -> dict[str, object]:
    """Return the motion of the frames at times[t] (s), and what was done about it, as plain values for JSON."""
    record: dict[str, object] = {"choice": choice}
    if motion is None:
        return record
    return record | {
        "times_s": times.round(3).tolist(),
        "noted_from_mm": NOTED_MOTION,
        "displacement_mm": motion.displacement.round(3).tolist(),
        "rotation_degrees": motion.rotation.round(3).tolist(),
        "in_plane_only": motion.in_plane,
        "frames_moved_back": moving_frames(motion).tolist() if choice == "correct" else [],
    }
