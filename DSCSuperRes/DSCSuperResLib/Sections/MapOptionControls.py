"""The part of the Perfusion panel for the options of maps: method, leakage, brain mask, and advanced ones."""

from __future__ import annotations

from collections.abc import Callable

import slicer

from ..Jobs.MapsRequest import ADAPTIVE, BAYES, OSCILLATION, SVD
from ..Parameters import LEAKAGE, MASKS, METHODS, REFERENCES, VEINS, PerfusionParameters
from ..Scene.Maps.ArterialPoints import newPoints
from ..Translation import _
from .PerfusionControls import PerfusionControls
from .PointPlacement import PointPlacement
from .SegmentEditorButton import connectSegmentEditor

FILES = ("maskFile", "referenceFile", "veinFile")
"""Parameters that are files, and their widgets."""


class MapOptionControls(PerfusionControls):
    """Controls of ``Perfusion.ui`` for the options of map computation; those that do not apply are disabled.

    ``getVolume`` returns the volume on which masks are drawn.
    """

    def __init__(self, ui, context, getVolume: Callable[[], slicer.vtkMRMLScalarVolumeNode | None]) -> None:
        super().__init__(ui, context)
        self._offer(ui.methodSelector, _methodTitles())
        self._offer(ui.leakageSelector, _leakageTitles())
        self._offer(ui.maskSelector, _maskTitles())
        self._offer(ui.referenceSelector, _referenceTitles())
        self._offer(ui.veinSelector, _veinTitles())
        for name in FILES:
            self._observeFile(getattr(ui, name), name)
        for kind, title in (("mask", _("Brain")), ("reference", _("White matter")), ("vein", _("Vein"))):
            button, selector = getattr(ui, f"{kind}SegmentEditorButton"), getattr(ui, f"{kind}Segmentation")
            connectSegmentEditor(button, selector, title, getVolume)
        self._placement = PointPlacement(ui.addVeinPointsButton, self._veinPoints, several=True)

    def parametersChanged(self) -> None:
        """Show the parameters, and disable options that do not apply to the method."""
        ui, chosen = self._ui, self._context.parameters.perfusion
        self._updating = True
        ui.methodSelector.currentIndex = METHODS.index(chosen.method)
        ui.leakageSelector.currentIndex = LEAKAGE.index(chosen.leakage)
        ui.maskSelector.currentIndex = MASKS.index(chosen.mask)
        ui.referenceSelector.currentIndex = REFERENCES.index(chosen.reference)
        ui.veinSelector.currentIndex = VEINS.index(chosen.vein)
        for name in FILES:
            getattr(ui, name).currentPath = getattr(chosen, name)
        self._updating = False
        for kind in ("mask", "reference", "vein"):
            source = getattr(chosen, kind)
            for part in ("Segmentation", "SegmentEditorButton"):
                getattr(ui, kind + part).visible = source == "segmentation"
            getattr(ui, f"{kind}File").visible = source == "file"
        for widget in (ui.veinPoints, ui.addVeinPointsButton):
            widget.visible = chosen.vein == "points"
        adaptive = chosen.method in ADAPTIVE and chosen.adaptiveThreshold
        ui.svdThreshold.enabled = chosen.method in SVD and not adaptive
        ui.adaptiveThreshold.enabled = chosen.method in ADAPTIVE
        ui.oscillation.enabled = ui.asPublished.enabled = chosen.method in OSCILLATION
        ui.spatialPrior.enabled = chosen.method == BAYES
        ui.svdThreshold.toolTip = _thresholdText(chosen.method, adaptive)
        ui.adaptiveThreshold.toolTip = _adaptiveText(chosen.method)
        ui.oscillation.toolTip = _oscillationText(chosen.method)
        ui.asPublished.toolTip = _asPublishedText(chosen.method)
        ui.spatialPrior.toolTip = _spatialPriorText(chosen.method)

    def store(self, chosen: PerfusionParameters) -> None:
        """Store method, leakage correction, brain mask, reference and vein."""
        chosen.method = METHODS[self._ui.methodSelector.currentIndex]
        chosen.leakage = LEAKAGE[self._ui.leakageSelector.currentIndex]
        chosen.mask = MASKS[self._ui.maskSelector.currentIndex]
        chosen.reference = REFERENCES[self._ui.referenceSelector.currentIndex]
        chosen.vein = VEINS[self._ui.veinSelector.currentIndex]

    def stop(self) -> None:
        """Place no points any more."""
        self._placement.stop()

    def _veinPoints(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """Return the node for the points in the vein, a new one where none is chosen."""
        parameters = self._context.parameters
        if parameters is None:
            return None
        if parameters.perfusion.veinPoints is None:
            parameters.perfusion.veinPoints = newPoints(slicer.mrmlScene, _("Vein"))
        return parameters.perfusion.veinPoints


def _thresholdText(method: str, adaptive: bool) -> str:
    if method not in SVD:
        return _("The Bayesian method has no threshold: choose cSVD, oSVD or sSVD.")
    if adaptive:
        return _("The threshold is chosen from the noise of the series: clear Adaptive to set it.")
    if method in OSCILLATION:
        return _("oSVD: step between the thresholds that are tried (0 to 1). The default is 0.05, as published.")
    return _("Singular values below this share of the largest are discarded (0 to 1). The default is that published.")


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


def _spatialPriorText(method: str) -> str:
    if method != BAYES:
        return _("Only the Bayesian method has a spatial prior.")
    return _("Transit times and delays of neighboring voxels are alike unless the data say otherwise; edges are kept.")


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
        "automatic": _("Automatic"),
        "none": _("None: all voxels"),
        "segmentation": _("Visible segments"),
        "file": _("File"),
    }


def _veinTitles() -> dict[str, str]:
    return {
        "none": _("None: not scaled"),
        "segmentation": _("Visible segments"),
        "points": _("Voxels at points"),
        "file": _("File"),
    }


def _referenceTitles() -> dict[str, str]:
    return {
        "automatic": _("Automatic"),
        "none": _("None: no relative maps"),
        "segmentation": _("Visible segments"),
        "file": _("File"),
    }
