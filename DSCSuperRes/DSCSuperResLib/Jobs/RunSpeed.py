"""How long runs took on this computer, kept in Slicer's settings, so that estimates follow what was measured.

The rate of a device that a probe measures changes with what else the computer does. The rate that was known when a run
was measured is therefore kept with it, and used for later estimates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import slicer

from dsc_superres.models import find
from dsc_superres.pipeline.estimate import Estimate

from .ReconstructionRequest import ReconstructionRequest

SETTING = "DSCSuperRes/MeasuredSpeed"
RATE = "gflops"
"""Ending of the names of the rates in the description of a device."""
RATIOS = (0.02, 200.0)
"""Of measured and estimated time; what lies outside was not measured: the computer slept, for example."""

SHORT = 0.1
"""s of a reconstruction below which its ratio says nothing."""


@dataclass(frozen=True)
class Ratios:
    """Measured over estimated time: of the ``reconstruction`` by the model, and of the ``rest``; None if not known."""

    reconstruction: float | None
    rest: float | None


def rememberRun(
    request: ReconstructionRequest,
    device: Mapping[str, object] | None,
    estimated: Estimate,
    seconds: float,
    reconstruction: float,
) -> None:
    """Keep that a run on ``device`` took ``seconds``, of them those of the ``reconstruction`` by the model.

    ``estimated`` came from the rates of operations.
    """
    if not estimated.seconds:
        return
    known = _known()
    rates = {name: value for name, value in (device or {}).items() if name.endswith(RATE)}
    ratio = reconstruction / max(estimated.reconstruction, SHORT)
    if _isPlausible(ratio) and not find(request.model).is_interpolator:
        known[_model(request, device)] = {"rates": rates, "ratio": ratio}
    ratio = (seconds - reconstruction) / (estimated.seconds - estimated.reconstruction)
    if _isPlausible(ratio):
        known[_rest(request)] = {"ratio": ratio}
    slicer.app.settings().setValue(SETTING, json.dumps(known))


def measuredSpeed(
    request: ReconstructionRequest, device: Mapping[str, object] | None
) -> tuple[Mapping[str, object] | None, Ratios]:
    """Return ``device`` with its rates at the last run with this model, and what its time was and is to be scaled by.

    What all models have in common is known after a run with any of them; interpolators have little else.
    """
    known = _known()
    model, rest = known.get(_model(request, device)), known.get(_rest(request), {}).get("ratio")
    if model is not None:
        return {**(device or {}), **model["rates"]}, Ratios(model["ratio"], rest)
    return device, Ratios(1.0 if find(request.model).is_interpolator else None, rest)


def _isPlausible(ratio: float) -> bool:
    return RATIOS[0] < ratio < RATIOS[1]


def _known() -> dict[str, dict]:
    try:
        return dict(json.loads(slicer.util.settingsValue(SETTING, "{}")))
    except (ValueError, TypeError):
        return {}


def _model(request: ReconstructionRequest, device: Mapping[str, object] | None) -> str:
    """Return what distinguishes reconstructions whose times cannot be told from each other's."""
    options = {"uncertainty": request.uncertainty, "fast": request.fast}
    chosen = [name for name, wanted in options.items() if wanted]
    return " ".join(["reconstruction", request.model, str((device or {}).get("name", "cpu")), *chosen])


def _rest(request: ReconstructionRequest) -> str:
    """Return the same for the rest of a run: frames, metrics, maps, report, and nodes of the scene."""
    return " ".join(["rest", request.task, request.motion, *(["maps"] if request.maps else [])])
