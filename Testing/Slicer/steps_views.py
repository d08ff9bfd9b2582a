"""What the views show, volume by volume, with titles and legends, whatever other modules do in between."""

import slicer
from workflow import Workflow

VIEWS = ("truth", "input", "reconstruction", "difference")
TITLES = {"truth": "Ground truth", "input": "Input", "reconstruction": "Reconstruction", "difference": "Difference"}
LEGEND = "CBV (mL/100 g)"


def run(w: Workflow) -> None:
    """Leaves CBV over the images."""
    w.show("Perfusion")
    w.ui("Perfusion").relativeCheckBox.checked = False
    w.ui("Perfusion").cbvButton.click()
    w.settle()
    _check(w, "after CBV")
    _layoutOffAndOn(w)
    _segmentEditor(w)
    _anotherSeries(w)
    _arrangements(w)
    _maximized(w)
    w.ui("Perfusion").imageButton.click()
    w.settle()
    w.check(_legends(w, "difference") == ["Difference (a.u.)"], _legends(w, "difference"))
    w.check(not any(_legends(w, role) for role in VIEWS[:3]), "images have no legend")
    w.ui("Perfusion").cbvButton.click()
    w.settle()
    _check(w, "after image and CBV")


def _check(w: Workflow, when: str) -> None:
    """Each view shows the volume, the overlay, the title and the legend that belong together."""
    for role in VIEWS:
        composite, title = w.layout.compositeNode(role), w.layout.sliceNode(role).GetLayoutLabel()
        shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        expected = (w.result.proxy(role), w.result.node(f"map.cbv.{role}"))
        if role == "difference":
            expected = (w.result.node("map.cbv.difference"), None)
        expected = tuple(node.GetID() if node is not None else None for node in expected)
        w.check(shown == expected, f"{when}, the view for {role} shows {shown} instead of {expected}")
        w.check(title == TITLES[role], f"{when}, the view for {role} is called {title}")
        legend = [f"Δ {LEGEND}" if role == "difference" else LEGEND]
        w.check(_legends(w, role) == legend, f"{when}, the view for {role} has the legends {_legends(w, role)}")


def _legends(w: Workflow, role: str) -> list[str]:
    """Titles of the legends of what the view shows."""
    composite = w.layout.compositeNode(role)
    shown = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    legends = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    visible = (legend for legend in legends if legend.GetVisibility() and legend.GetDisplayableNode() is not None)
    return [legend.GetTitleText() for legend in visible if legend.GetDisplayableNode().GetID() in shown]


def _layoutOffAndOn(w: Workflow) -> None:
    button = w.ui("Display").compareButton
    button.click()
    w.check(not w.layout.shown, "the user's own layout is one click away")
    button.click()
    w.settle()
    _check(w, "after layout off and on")
    w.picture("layout-off-and-on")


def _segmentEditor(w: Workflow) -> None:
    """Drawing an artery needs it: it puts its source volume into all views."""
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawn")
    segmentation.CreateDefaultDisplayNodes()
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(segmentation)
    editor.setSourceVolumeNode(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
    w.settle(20)
    _check(w, "in the Segment Editor")
    w.picture("segment-editor")
    slicer.util.selectModule("DSCSuperRes")
    w.settle()
    _check(w, "back from the Segment Editor")
    w.picture("back-from-segment-editor")
    slicer.mrmlScene.RemoveNode(segmentation)


def _anotherSeries(w: Workflow) -> None:
    """A volume that any module shows in all views goes to the user's own."""
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Another")
    other.CopyContent(w.result.node("map.mtt.truth"))
    slicer.util.setSliceViewerLayers(background=other, fit=True)
    w.settle()
    _check(w, "after another volume was shown in all views")
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    w.check(red.GetBackgroundVolumeID() == other.GetID(), "the user's own view shows it")
    slicer.mrmlScene.RemoveNode(other)
    w.settle()
    _check(w, "after another volume was removed")


def _arrangements(w: Workflow) -> None:
    selector = w.ui("Display").arrangementSelector
    for row, name in ((1, "in-a-row"), (0, "two-by-two")):
        selector.currentIndex = row
        w.settle()
        _check(w, name)
        w.picture(name)


def _maximized(w: Workflow) -> None:
    """What a double-click on a view does."""
    manager = slicer.app.layoutManager()
    layoutNode = manager.layoutLogic().GetLayoutNode()
    layoutNode.AddMaximizedViewNode(w.layout.sliceNode("reconstruction"))
    w.settle()
    w.check(w.layout.shown, "a maximized view is one of the comparison")
    w.picture("maximized")
    layoutNode.RemoveMaximizedViewNode(w.layout.sliceNode("reconstruction"))
    w.settle()
    _check(w, "after a view was maximized")
