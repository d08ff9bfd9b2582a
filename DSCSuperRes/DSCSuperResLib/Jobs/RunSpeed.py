"""How long runs took on this computer, kept in Slicer's settings, so that estimates follow what was measured.

The rate of a device that a probe measures changes with what else the computer does. The rate that was known when a run
was measured is therefore kept with it, and used for later estimates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import slicer

from .ReconstructionRequest import ReconstructionRequest

SETTING = "DSCSuperRes/RunSpeed"
RATE = "gflops"
"""Ending of the names of the rates in the description of a device."""
RATIOS = (0.02, 200.0)
"""Of measured and estimated time; what lies outside was not measured: the computer slept, for example."""


def rememberRun(
    request: ReconstructionRequest, device: Mapping[str, object] | None, estimated: float | None, seconds: float
) -> None:
    """Keep that a run on ``device`` took ``seconds`` where ``estimated`` came from the rates of operations."""
    if not estimated or not RATIOS[0] < seconds / estimated < RATIOS[1]:
        return
    known = _known()
    rates = {name: value for name, value in (device or {}).items() if name.endswith(RATE)}
    known[_kind(request, device)] = {"rates": rates, "ratio": seconds / estimated}
    slicer.app.settings().setValue(SETTING, json.dumps(known))


def measuredSpeed(
    request: ReconstructionRequest, device: Mapping[str, object] | None
) -> tuple[Mapping[str, object] | None, float | None]:
    """Return ``device`` with its rate at the last such run, and the ratio of measured and estimated time then.

    The ratio is None where no such run was measured.
    """
    last = _known().get(_kind(request, device))
    if last is None:
        return device, None
    return {**(device or {}), **last["rates"]}, last["ratio"]


def _known() -> dict[str, dict]:
    try:
        return dict(json.loads(slicer.util.settingsValue(SETTING, "{}")))
    except (ValueError, TypeError):
        return {}


def _kind(request: ReconstructionRequest, device: Mapping[str, object] | None) -> str:
    """Return what distinguishes runs whose times cannot be told from each other's."""
    options = {"maps": request.maps, "uncertainty": request.uncertainty, "fast": request.fast}
    chosen = [name for name, wanted in options.items() if wanted]
    return " ".join([request.task, request.model, str((device or {}).get("name", "cpu")), *chosen])
