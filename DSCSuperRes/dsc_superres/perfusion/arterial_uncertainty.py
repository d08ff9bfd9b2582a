"""What the uncertainty of an arterial input does to maps: the spread of their values over likely arterial curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsc_superres.perfusion.arterial_evidence import typical_curves
from dsc_superres.perfusion.bayes import Posterior, posterior
from dsc_superres.perfusion.continuous_aif import ContinuousInput
from dsc_superres.perfusion.dictionary import AtomGrid, dictionary
from dsc_superres.perfusion.frame_weights import FrameWeights

DRAWS = 6
"""Likely arterial curves that are tried."""


def with_input_uncertainty(
    estimate: Posterior,
    artery: ContinuousInput,
    times: np.ndarray,
    attenuation: np.ndarray,
    model_error: float,
    frames: FrameWeights,
    grid: AtomGrid | None = None,
    scale: float = 1.0,
) -> Posterior:
    """Return the estimate with standard deviations that include those due to the arterial input.

    Another artery changes all voxels nearly alike, so the change is measured on typical curves of attenuation[t, n] at
    times[t] (s), which is ``scale`` times what is given: the root mean square over likely arteries of the median
    change. Unchanged where the artery is given.
    """
    if not artery.draws:
        return estimate
    curves = scale * typical_curves(attenuation)
    every = [
        posterior(curves, dictionary(each, times, grid), model_error=model_error, frames=frames)
        for each in (artery.at, *artery.draws[:DRAWS])
    ]
    cbv, cbf, delay = (np.stack([getattr(each, name) for each in every]) for name in ("cbv", "cbf", "delay"))
    log_cbv, log_cbf = (np.log(np.maximum(values, 1e-9)) for values in (cbv, cbf))
    spread = {
        "cbv_sd": _spread(log_cbv),
        "cbf_sd": _spread(log_cbf),
        "mtt_sd": _spread(log_cbv - log_cbf),
        "delay_sd": _spread(delay),
    }
    return replace(
        estimate, **{name: np.hypot(getattr(estimate, name), sd).astype(np.float32) for name, sd in spread.items()}
    )


def _spread(values: np.ndarray) -> float:
    """Return the root mean square over draws of the median change of values[1 + draw, n] from the first."""
    return float(np.sqrt(np.mean(np.median(values[1:] - values[0], axis=1) ** 2)))
