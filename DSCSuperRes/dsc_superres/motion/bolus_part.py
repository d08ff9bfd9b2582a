"""The part of an estimated motion that follows the bolus: it is contrast agent, not motion."""

from __future__ import annotations

import numpy as np

from dsc_superres.motion.rigid import PARAMETERS, displacement

ROUNDS = 60
"""Of reweighted least squares."""
SOFTENING = 0.02
"""mm, below which changes from frame to frame are noise."""
LEAST_FALL = 0.005
"""Of the mean signal, below which there is no bolus to follow."""

STEADY = 0.006
"""Excess of the logarithm of the signal up to which a first frame is in steady state."""
DECAY = 0.7
"""Of the excess of one frame, below which that of the next one lies before steady state; motion changes it for good."""


def without_bolus_part(
    parameters: np.ndarray, mean_curve: np.ndarray, baseline: slice, points: np.ndarray
) -> np.ndarray:
    """Return parameters[t, 6] (see ``rigid``) without what follows the mean signal mean_curve[t] of the head.

    Heads move in few moments, or slowly; the bolus changes the signal smoothly. Of all multiples of the attenuation,
    its square and its change, those are subtracted that leave the smallest sum of absolute changes from frame to frame
    (least absolute deviations): a few abrupt motions do not matter to it. First frames that are not in steady state
    have another contrast between tissues; they are taken to lie where the first one does that is.
    ``points`` [n, 3] are those of the head, mm.
    """
    attenuation = -np.log(np.maximum(mean_curve, 1e-6 * mean_curve.max()) / np.median(mean_curve[baseline]))
    steady = _first_steady_frame(-attenuation[: baseline.start + 1])
    parameters = parameters.copy()
    parameters[:steady] = parameters[steady]
    fall = np.maximum(attenuation, 0)
    fall[: baseline.start] = 0
    if fall.max() < LEAST_FALL:
        return parameters
    regressors = [fall, fall**2, np.gradient(fall)]
    regressors = np.stack(regressors, axis=1) / np.abs(regressors).max(axis=1)
    unit = np.array([displacement(np.eye(PARAMETERS)[k] * 1e-3, points) * 1e3 for k in range(PARAMETERS)])
    change, design = np.diff(parameters * unit, axis=0), np.diff(regressors, axis=0)
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    weight = np.ones(len(change))
    for _ in range(ROUNDS):
        weighted = design * weight[:, None]
        normal = weighted.T @ design + 1e-6 * np.eye(design.shape[1])
        solution = np.linalg.solve(normal, weighted.T @ change)
        weight = 1 / np.hypot(np.linalg.norm(change - design @ solution, axis=1), SOFTENING)
    return parameters - regressors @ solution[:-1] / unit


def _first_steady_frame(excess: np.ndarray) -> int:
    """Return the first frame in steady state, where excess[t] of the logarithm of the signal has decayed."""
    frame = 0
    while frame + 1 < len(excess) and excess[frame] > STEADY and abs(excess[frame + 1]) < DECAY * excess[frame]:
        frame += 1
    return frame
