"""The module as Slicer sees it; its work is done in DSCSuperResLib, its computations in dsc_superres."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

HOMEPAGE = "https://github.com/DSCSuperRes/SlicerDSCSuperRes"


class DSCSuperRes(ScriptedLoadableModule):
    """What the module is called, and where it comes from."""

    def __init__(self, parent) -> None:
        super().__init__(parent)
        parent.title = _("DSC Super-Resolution")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["Sequences"]
        parent.contributors = ["DSCSuperRes contributors"]
        parent.helpText = _(
            "<p>Reconstructs DSC perfusion MRI at finer pixels and time steps (ODE-LIIF), compares it with ground "
            "truth, and computes CBV, CBF, MTT, TTP and Tmax from it. "
            "For research only: not for diagnosis or treatment.</p>"
            "<ol><li><b>Input</b>: choose or open a dynamic series, or <i>Sample patient</i>.</li>"
            "<li><b>Task</b>: compare with ground truth, or enhance the series itself.</li>"
            "<li><b>Reconstruct</b>: <i>Apply</i>; <i>Preview one slice</i> first if the run is long.</li>"
            "<li><b>Display</b>: the series side by side through time, or two results and their difference.</li>"
            "<li><b>Perfusion</b>: maps over the anatomy, the artery, regions.</li>"
            "<li><b>Export</b>: series, maps, tables and a report into one folder.</li></ol>"
            "<p>Every control explains itself when the mouse rests on it. "
            '<a href="{link}">How to use it, step by step</a>.</p>'
        ).format(link=f"{HOMEPAGE}/blob/main/docs/slicer.md")
        parent.acknowledgementText = _(
            "<p>The method follows Lee et al., Continuous Spatio-Temporal Representation with Implicit Neural "
            "Representation and Neural Ordinary Differential Equation in DSC-MRI, Proc. ISMRM 2024, abstract 0658. "
            'Please cite it and <a href="{link}">this software</a>.</p>'
        ).format(link=f"{HOMEPAGE}/blob/main/CITATION.cff")
        slicer.app.connect("startupCompleted()", self._registerSampleData)

    def _registerSampleData(self) -> None:
        from DSCSuperResLib.SampleData import registerSampleData

        picture = Path(__file__).parent / "Resources" / "Icons" / "SamplePatient.png"
        registerSampleData(lambda: DSCSuperResLogic().workflow, picture)


class DSCSuperResWidget(ScriptedLoadableModuleWidget):
    """Where Slicer puts the panel."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.panel = None

    def setup(self) -> None:
        """Build the panel, when the module is opened for the first time."""
        super().setup()
        from DSCSuperResLib.Widget import Panel

        self.logic = DSCSuperResLogic()
        self.panel = Panel(self.logic.workflow, self.resourcePath)
        self.layout.addWidget(self.panel.widget)

    def enter(self) -> None:
        """The user opens the module."""
        self.panel.enter()

    def exit(self) -> None:
        """The user goes to another module; runs go on."""
        self.panel.exit()

    def cleanup(self) -> None:
        """Slicer closes, or the module is reloaded."""
        if self.panel is not None:
            self.panel.cleanup()


class DSCSuperResLogic(ScriptedLoadableModuleLogic):
    """What the panel does, for scripts: see ``DSCSuperResLib.Logic`` for ``workflow``."""

    def __init__(self) -> None:
        super().__init__()
        from DSCSuperResLib.Logic import Logic

        self.workflow = Logic(self.getParameterNode)


class DSCSuperResTest(ScriptedLoadableModuleTest):
    """The whole workflow on a small series, as the panel does it."""

    def runTest(self) -> None:
        """Run it in an empty scene."""
        from DSCSuperResLib.SelfTest import runSelfTest

        slicer.mrmlScene.Clear()
        runSelfTest(DSCSuperResLogic().workflow)
