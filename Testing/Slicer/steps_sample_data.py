"""The tile in Slicer's Sample Data module, and the way from there to the panel."""

import slicer
from pixels import checkIsBright
from workflow import Workflow


def run(w: Workflow) -> None:
    """From an empty scene, with the mouse on the tile: the images are seen, and the panel opens on the series."""
    slicer.mrmlScene.Clear(0)
    slicer.util.selectModule("SampleData")
    w.settle()
    tiles = slicer.modules.sampledata.widgetRepresentation().findChildren("QToolButton")
    tile = next((one for one in tiles if one.text == "DSC sample patient"), None)
    w.check(tile is not None, f"the tiles are {[one.text for one in tiles]}")
    w.check(not tile.icon.isNull(), "the tile has a picture")
    tile.click()
    w.settle(30)
    series = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")]
    w.check(series == ["DSC sample patient"], f"the series {series}")
    w.picture("sample-data")
    manager = slicer.app.layoutManager()
    checkIsBright(w, {name: manager.sliceWidget(name).sliceView() for name in ("Red", "Yellow", "Green")})
    slicer.util.selectModule("DSCSuperRes")
    w.settle(30)
    w.check(w.parameters.input.sequence is not None, "the panel opens on the series")
    w.check(w.ui("Reconstruct").applyButton.enabled, w.ui("Reconstruct").applyButton.toolTip)
    w.check("256 x 256 x 4" in w.ui("Input").matrixLabel.text, w.ui("Input").matrixLabel.text)
    w.show("Display")
    _notSquashed(w)
    w.picture("sample-data-in-the-panel")


def _notSquashed(w: Workflow) -> None:
    """Back from another module, every button of the panel has the height that it needs."""
    buttons = [one for one in w.panel.widget.findChildren("QPushButton") if one.visible]
    squashed = [one.text for one in buttons if one.height < one.minimumSizeHint.height()]
    w.check(buttons and not squashed, f"too low: {squashed}")
