"""How Slicer's DICOM browser finds the plugin for dynamic series; its work is done in DSCSuperResLib."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class DSCSuperResDICOMPlugin(ScriptedLoadableModule):
    """A module without a panel, which adds the plugin to those of the DICOM module."""

    def __init__(self, parent) -> None:
        super().__init__(parent)
        parent.title = _("DSC Super-Resolution DICOM Plugin")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Developer Tools.DICOM Plugins")]
        parent.dependencies = ["DICOM", "Sequences"]
        parent.contributors = ["DSCSuperRes contributors"]
        parent.helpText = _(
            "Loads a dynamic MR series from the DICOM browser as a volume sequence with the times of its frames in "
            "seconds and its echo time. It has no panel."
        )
        parent.acknowledgementText = ""
        parent.hidden = True
        from DSCSuperResLib.DICOM.Plugin import DSCSuperResDICOMPluginClass

        if not hasattr(slicer.modules, "dicomPlugins"):  # this module may be found before the DICOM module
            slicer.modules.dicomPlugins = {}
        slicer.modules.dicomPlugins["DSCSuperResDICOMPlugin"] = DSCSuperResDICOMPluginClass
