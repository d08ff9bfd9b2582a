"""The module as Slicer sees it; its work is done in DSCSuperResLib, its computations in dsc_superres."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class DSCSuperRes(ScriptedLoadableModule):
    """What the module is called, and where it comes from."""

    def __init__(self, parent) -> None:
        super().__init__(parent)
        parent.title = _("DSC Super-Resolution")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["Sequences"]
        parent.contributors = ["DSCSuperRes contributors"]
        parent.helpText = _(
            "Reconstructs DSC perfusion MRI at finer pixels and time steps (ODE-LIIF), compares it with ground truth, "
            "and computes CBV, CBF, MTT, TTP and Tmax from it. For research only: not for diagnosis or treatment."
        ) + _(
            "<p><b>Keys:</b> comma and period: the frame before and after. Shift + wheel: the same in the module's "
            "views. Right click in the plot: leave a frame out of the next run, or show it.</p>"
        )
        parent.acknowledgementText = _(
            "The method follows Lee et al., ISMRM 2024, abstract 0658: spatio-temporal super-resolution of DSC "
            "perfusion MRI with neural ordinary differential equations."
        )
        slicer.app.connect("startupCompleted()", self._registerSampleData)

    def _registerSampleData(self) -> None:
        from DSCSuperResLib.SampleData import registerSampleData

        registerSampleData(lambda: DSCSuperResLogic().workflow)


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
