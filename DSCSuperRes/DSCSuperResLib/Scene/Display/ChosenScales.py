"""The scales that the user chose, by map: they are kept in the scene, for maps that are computed later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from dsc_superres.perfusion.map_scales import MapScale

from ..Maps.Maps import SOURCES, mapNode
from ..Result import Result
from .MapColors import automaticScale, shownScale

if TYPE_CHECKING:
    from ...Parameters import PerfusionParameters


class ChosenScales:
    """Scales in units of the automatic one, because that of CBV may differ from patient to patient.

    ``parameters`` returns where they are stored; None while there is no scene.
    """

    def __init__(self, parameters: Callable[[], PerfusionParameters | None]) -> None:
        self._parameters = parameters

    def chosen(self, name: str, result: Result) -> MapScale | None:
        """Return the scale that the user chose for maps ``name``, in their unit; None if the automatic one is to be."""
        ends = self._read().get(name)
        if not ends or not any(mapNode(result, name, source) for source in SOURCES):
            return None
        unit = automaticScale(result, name).upper
        return MapScale(ends[0] * unit, ends[1] * unit)

    def remember(self, name: str, result: Result) -> None:
        """Remember the scale that the maps ``name`` of ``result`` have now, if they are still there."""
        volume = next((volume for source in SOURCES if (volume := mapNode(result, name, source)) is not None), None)
        if volume is None:
            return
        automatic, shown = automaticScale(result, name), shownScale(volume)
        if shown == automatic:
            self.forget(name)
        else:
            self._write({**self._read(), name: [shown.lower / automatic.upper, shown.upper / automatic.upper]})

    def forget(self, name: str) -> None:
        """Return to the automatic scale of maps ``name``."""
        self._write({other: ends for other, ends in self._read().items() if other != name})

    def _read(self) -> dict[str, list[float]]:
        parameters = self._parameters()
        return json.loads(parameters.scales or "{}") if parameters is not None else {}

    def _write(self, scales: dict[str, list[float]]) -> None:
        parameters = self._parameters()
        text = json.dumps(scales) if scales else ""
        if parameters is not None and parameters.scales != text:
            parameters.scales = text
