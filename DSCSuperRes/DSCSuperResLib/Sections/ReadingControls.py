"""The part of the Perfusion panel with aids for reading maps: late tissue, the brain mask, and what maps leave out."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from dsc_superres.perfusion.reading_aids import FLUID, VESSELS

from ..Scene.Maps.Maps import SOURCES, mapsProvenance
from ..Scene.Maps.ReadingRegions import (
    brainNode,
    hasRegions,
    outlinesShown,
    showOnlyRegionsOf,
    showOutlines,
)
from ..Scene.Result import roleTitle
from ..Translation import _


class ReadingControls:
    """Controls of the box *Reading aids* in ``Perfusion.ui``. ``onHidden`` is called when maps are to hide others."""

    def __init__(self, ui, context, onHidden: Callable[[], None]) -> None:
        self._ui, self._context, self._onHidden = ui, context, onHidden
        self._result, self._updating = None, False
        self._before: tuple[str, ...] = ()
        ui.outlinesCheckBox.connect("toggled(bool)", self._onOutlines)
        ui.brainCheckBox.connect("toggled(bool)", self._onBrain)
        ui.editBrainButton.connect("clicked()", self._onEditBrain)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the regions that maps are to leave out."""
        parameters = self._context.parameters
        if parameters is None:
            return ()
        chosen = parameters.perfusion
        return tuple(name for name, on in ((FLUID, chosen.hideFluid), (VESSELS, chosen.hideVessels)) if on)

    def setResult(self, result) -> None:
        """Show the regions of ``result``, and of no other one."""
        self._result = result
        showOnlyRegionsOf(result, slicer.mrmlScene)
        self.update()

    def update(self) -> None:
        """Update the controls from the current maps."""
        ui, result = self._ui, self._result
        there, brain = result is not None and hasRegions(result), brainNode(result) if result is not None else None
        ui.readingBox.enabled = there
        self._updating = True
        ui.outlinesCheckBox.checked = there and outlinesShown(result)
        ui.brainCheckBox.enabled = ui.editBrainButton.enabled = brain is not None
        ui.brainCheckBox.checked = brain is not None and bool(brain.GetDisplayVisibility())
        self._updating = False
        ui.volumesLabel.text = _volumes(result) if there else _("These maps have no regions: compute them again.")

    def parametersChanged(self) -> None:
        """Follow the choice of what maps leave out."""
        if self.hidden != self._before:
            self._before = self.hidden
            self._onHidden()

    def _onOutlines(self, on: bool) -> None:
        if not self._updating and self._result is not None:
            showOutlines(self._result, on)

    def _onBrain(self, on: bool) -> None:
        brain = brainNode(self._result) if self._result is not None else None
        if not self._updating and brain is not None:
            brain.SetDisplayVisibility(on)

    def _onEditBrain(self) -> None:
        """Let the next maps be computed in the brain as the user edits it."""
        brain, chosen = brainNode(self._result), self._context.parameters.perfusion
        brain.SetDisplayVisibility(True)
        with slicer.util.NodeModify(self._context.logic.parameterNode()):
            chosen.mask, chosen.maskSegmentation = "segmentation", brain
        self.update()
        self._ui.maskSegmentEditorButton.click()


def _volumes(result) -> str:
    """Return the volumes of late tissue and its core, one line for each source."""
    lines = []
    for source in SOURCES:
        found = mapsProvenance(result, source).get("hypoperfusion")
        if found:
            ratio = found["mismatch_ratio"]
            text = _("{source}: Tmax > 6 s {late} mL, CBF < 30 % {core} mL, mismatch {mismatch} mL, ratio {ratio}")
            lines.append(
                text.format(
                    source=roleTitle(source).capitalize(),
                    late=f"{found['tmax_above_6s_ml']:.1f}",
                    core=f"{found['cbf_below_30_percent_ml']:.1f}",
                    mismatch=f"{found['mismatch_ml']:.1f}",
                    ratio="–" if ratio is None else f"{ratio:.1f}",
                )
            )
    return "\n".join([*lines, _("For research only: not for decisions on treatment.")])
