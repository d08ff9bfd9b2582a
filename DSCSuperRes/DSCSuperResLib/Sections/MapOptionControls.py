"""The part of the Perfusion panel about how maps are computed: method, leakage, brain mask, and advanced options."""

from __future__ import annotations

import slicer

from ..Jobs.MapsRequest import ADAPTIVE, OSCILLATION, SVD
from ..Parameters import LEAKAGE, MASKS, METHODS
from ..Translation import _


class MapOptionControls:
    """Controls of ``Perfusion.ui`` that the parameter node cannot follow by itself, and which of them apply."""

    def __init__(self, ui, context) -> None:
        self._ui, self._context, self._updating = ui, context, False
        for selector, titles in (
            (ui.methodSelector, _methodTitles()),
            (ui.leakageSelector, _leakageTitles()),
            (ui.maskSelector, _maskTitles()),
        ):
            for value, title in titles.items():
                selector.addItem(title, value)
            selector.connect("currentIndexChanged(int)", self._onChoice)
        ui.maskFile.connect("currentPathChanged(QString)", self._onMaskFile)

    def parametersChanged(self) -> None:
        """Show the parameters, and disable what the method does not have."""
        ui, chosen = self._ui, self._context.parameters.perfusion
        self._updating = True
        ui.methodSelector.currentIndex = METHODS.index(chosen.method)
        ui.leakageSelector.currentIndex = LEAKAGE.index(chosen.leakage)
        ui.maskSelector.currentIndex = MASKS.index(chosen.mask)
        ui.maskFile.currentPath = chosen.maskFile
        self._updating = False
        ui.maskSegmentation.visible = chosen.mask == "segmentation"
        ui.maskFile.visible = chosen.mask == "file"
        adaptive = chosen.method in ADAPTIVE and chosen.adaptiveThreshold
        ui.svdThreshold.enabled = chosen.method in SVD and not adaptive
        ui.adaptiveThreshold.enabled = chosen.method in ADAPTIVE
        ui.oscillation.enabled = ui.asPublished.enabled = chosen.method in OSCILLATION
        ui.svdThreshold.toolTip = _thresholdText(chosen.method, adaptive)
        ui.adaptiveThreshold.toolTip = _adaptiveText(chosen.method)
        ui.oscillation.toolTip = _oscillationText(chosen.method)
        ui.asPublished.toolTip = _asPublishedText(chosen.method)

    def _onChoice(self) -> None:
        parameters = self._context.parameters
        if self._updating or parameters is None:
            return
        ui, chosen = self._ui, parameters.perfusion
        with slicer.util.NodeModify(self._context.logic.parameterNode()):
            chosen.method = METHODS[ui.methodSelector.currentIndex]
            chosen.leakage = LEAKAGE[ui.leakageSelector.currentIndex]
            chosen.mask = MASKS[ui.maskSelector.currentIndex]

    def _onMaskFile(self, path: str) -> None:
        if not self._updating and self._context.parameters is not None:
            self._context.parameters.perfusion.maskFile = path


def _thresholdText(method: str, adaptive: bool) -> str:
    if method not in SVD:
        return _("The Bayesian method has no threshold: choose cSVD, oSVD or sSVD.")
    if adaptive:
        return _("The threshold is chosen from the noise of the series: unmark Adaptive to set it.")
    if method in OSCILLATION:
        return _("oSVD: step between the thresholds that are tried (0 to 1). The default is 0.05, as published.")
    return _("Singular values below this share of the largest one are cut (0 to 1). The default is that published.")


def _adaptiveText(method: str) -> str:
    if method not in ADAPTIVE:
        return _("Only cSVD and sSVD have a threshold that can be chosen from the noise.")
    return _("Choose the threshold that suits the time between frames and the noise of the series.")


def _oscillationText(method: str) -> str:
    if method not in OSCILLATION:
        return _("Only oSVD limits the oscillation of the residue function.")
    return _("Limit of the oscillation index of the residue function. The default is 0.035, as published.")


def _asPublishedText(method: str) -> str:
    if method not in OSCILLATION:
        return _("Only oSVD has a form as published that differs from the one used here.")
    return _("Use oSVD exactly as published, whose CBF depends on the delay of the bolus.")


def _methodTitles() -> dict[str, str]:
    return {
        "bayes": _("Bayesian, with uncertainty"),
        "csvd": _("cSVD (block-circulant)"),
        "osvd": _("oSVD (oscillation index)"),
        "ssvd": _("sSVD (standard)"),
    }


def _leakageTitles() -> dict[str, str]:
    return {
        "none": _("No correction"),
        "bsw": _("Boxerman-Schmainda-Weisskoff"),
        "bidirectional": _("Bidirectional"),
    }


def _maskTitles() -> dict[str, str]:
    return {
        "automatic": _("Found automatically"),
        "none": _("None: all voxels"),
        "segmentation": _("Visible segments"),
        "file": _("File"),
    }
