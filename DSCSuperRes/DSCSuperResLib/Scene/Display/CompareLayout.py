"""The layouts of the module: ground truth, input, reconstruction and difference together, with the curves.

The views are linked with each other and with no other view, because they are in a separate view group.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import slicer
import vtk

from ..Maps.Maps import DIFFERENCES
from ..Maps.OfferedMaps import offerMaps
from .HeadFit import fitHead, headCorners
from .Legends import redrawLegends, removeLegends, showOnlyLegends
from .SliceViews import GRID_OF_FOUR, ROLES, VIEW_GROUP, VIEWS
from .ViewState import View, shownOf, viewsOf, viewTitle

PLOT_VIEW = "DSCSuperResCurves"
LAYOUT_BEFORE = "DSCSuperRes.LayoutBefore"
"""Attribute of the layout node with the user's layout, so that it can also be restored in a saved scene."""
ARRANGEMENT = "DSCSuperRes.Arrangement"
"""Attribute of the layout node: how the user wants the views to be arranged."""
GRID = "grid"
ROW = "row"
ARRANGEMENTS = (GRID, ROW)
"""Two by two with the curves beside them, which suits large images; in a row with the curves below."""
NUMBERS = {
    ("compare", ROW): 5911,
    ("reconstruct", ROW): 5912,
    ("compare", GRID): GRID_OF_FOUR,
    ("reconstruct", GRID): 5912,
}
"""Number of the layout by task and arrangement: two views are in a row in any case."""


class CompareLayout:
    """Shows and hides the module's layout in a scene, and fills its views with the volumes of a result.

    ``applicationLogic`` (vtkMRMLApplicationLogic) knows the sizes of the views; without it slices are not fitted.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, applicationLogic=None) -> None:
        self._scene, self._applicationLogic = scene, applicationLogic
        self._before: int | None = None
        self.register()

    @property
    def shown(self) -> bool:
        """Whether one of the module's layouts is on the screen."""
        node = self._layoutNode()
        return node is not None and node.GetViewArrangement() in NUMBERS.values()

    @property
    def arrangement(self) -> str:
        """How the views are arranged, one of ``ARRANGEMENTS``."""
        node = self._layoutNode()
        chosen = node.GetAttribute(ARRANGEMENT) if node is not None else None
        return chosen if chosen in ARRANGEMENTS else GRID

    @arrangement.setter
    def arrangement(self, arrangement: str) -> None:
        node = self._layoutNode()
        if node is not None:
            node.SetAttribute(ARRANGEMENT, arrangement)

    def register(self) -> None:
        """Register the module's layouts with Slicer, as required by scenes that were saved with one of them."""
        node = self._layoutNode()
        for (task, arrangement), number in NUMBERS.items():
            if node is not None and not node.IsLayoutDescription(number):
                node.AddLayoutDescription(number, _description(ROLES[task], arrangement))

    def show(self, result) -> None:
        """Change to the layout for the result's task, store the user's layout, and fill the views.

        Legends are made anew, for views that are newer than they are.
        """
        node = self._layoutNode()
        if node is None:
            return
        self.register()
        if not self.shown:
            self._before = node.GetViewArrangement()
            node.SetAttribute(LAYOUT_BEFORE, str(self._before))
        removeLegends(self._scene)
        node.SetViewArrangement(NUMBERS[result.task, self.arrangement])
        self.assign(result)

    def hide(self) -> None:
        """Restore the user's layout, if the module's layout is shown."""
        node = self._layoutNode()
        if node is None or not self.shown:
            return
        saved = node.GetAttribute(LAYOUT_BEFORE)
        before = self._before
        if before is None:
            before = int(saved) if saved else node.SlicerLayoutFourUpView
        node.SetViewArrangement(before if node.IsLayoutDescription(before) else node.SlicerLayoutFourUpView)
        self._before = None
        node.RemoveAttribute(LAYOUT_BEFORE)

    def assign(self, result) -> None:
        """Make the module's views agree with the state of ``result``: volumes, overlay, titles and legends.

        Nothing is touched that agrees already. The views are linked, and other volumes kept out of them.
        """
        legends, changed, shown = {}, False, shownOf(result)
        offerMaps(result, shown.overlay, DIFFERENCES[shown.compared])
        for role, view in viewsOf(result).items():
            sliceNode, composite = self.sliceNode(role), self.compositeNode(role)
            if composite is None:
                continue
            sliceNode.SetLayoutLabel(view.title)
            changed |= _fill(composite, result, view)
            source = result.node(view.overlay or view.volume)
            if source is not None and view.legend and shown.legends:
                legends[source] = view.legend
        showOnlyLegends(legends, self._scene)
        if changed:
            redrawLegends(self._scene)

    def agrees(self, result) -> bool:
        """Return whether the module's views show the volumes that the state of ``result`` says."""
        views = ((self.compositeNode(role), view) for role, view in viewsOf(result).items())
        return all(composite is None or _agrees(composite, result, view) for composite, view in views)

    def opacityChosen(self, result) -> float | None:
        """Return the opacity that the user chose in a view that shows the right volumes; None for that of the state."""
        views = ((self.compositeNode(role), view) for role, view in viewsOf(result).items() if view.overlay)
        right = (composite for composite, view in views if composite and _contentAgrees(composite, result, view))
        opacities = (composite.GetForegroundOpacity() for composite in right)
        return next((opacity for opacity in opacities if opacity != shownOf(result).opacity), None)

    def fit(self, result) -> None:
        """Align the module's views with the slices of the result, and zoom them to the head.

        The views must have their final size.
        """
        volume, offset = result.proxy("reconstruction"), None
        corners = headCorners(result.sequence("reconstruction").GetNthDataNode(0)) if volume is not None else None
        for role in ROLES[result.task]:
            view = self.sliceNode(role)
            if volume is None or view is None:
                continue
            view.RotateToVolumePlane(volume)
            logic = self._applicationLogic.GetSliceLogic(view) if self._applicationLogic else None
            if logic is not None:
                width, height, _ = view.GetDimensions()
                logic.FitSliceToVolume(volume, width, height)
                logic.SnapSliceOffsetToIJK()
                # The middle may lie between two slices: all views are to take the same one.
                offset = view.GetSliceOffset() if offset is None else offset
                view.SetSliceOffset(offset)
                fitHead(view, corners)

    def showChart(self, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
        """Show ``chart`` in the module's plot view."""
        view = self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
        identifier = chart.GetID() if chart else None
        if view is not None and view.GetPlotChartNodeID() != identifier:
            view.SetPlotChartNodeID(identifier)

    def sliceNode(self, role: str) -> slicer.vtkMRMLSliceNode | None:
        """Return the module's slice view for ``role``; None before it was first shown."""
        return self._scene.GetSingletonNode(VIEWS[role].tag, "vtkMRMLSliceNode")

    def sliceNodes(self) -> list[slicer.vtkMRMLSliceNode]:
        """Return the module's slice views that exist."""
        return [node for role in VIEWS if (node := self.sliceNode(role)) is not None]

    def interactors(self, layoutManager) -> list[vtk.vtkRenderWindowInteractor]:
        """Return what sends the events of the module's slice views, of those that exist."""
        if layoutManager is None:
            return []
        widgets = (layoutManager.sliceWidget(node.GetLayoutName()) for node in self.sliceNodes())
        return [widget.sliceView().interactor() for widget in widgets if widget is not None]

    def plotView(self, layoutManager):
        """Return the module's plot view (qMRMLPlotView); None if there is none."""
        node = self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
        if layoutManager is None or node is None:
            return None
        widgets = (layoutManager.plotWidget(index) for index in range(layoutManager.plotViewCount))
        return next((one.plotView() for one in widgets if one.mrmlPlotViewNode() is node), None)

    def compositeNode(self, role: str) -> slicer.vtkMRMLSliceCompositeNode | None:
        """Return the composite node of the slice view for ``role``; None before it was first shown."""
        view = self.sliceNode(role)
        return slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view) if view else None

    def _layoutNode(self) -> slicer.vtkMRMLLayoutNode | None:
        """Return the layout node; None without a main window."""
        return self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _fill(composite: slicer.vtkMRMLSliceCompositeNode, result, view: View) -> bool:
    """Show the volumes of ``view``; returns whether that changed anything."""
    if _agrees(composite, result, view) and composite.GetHotLinkedControl():
        return False
    with slicer.util.NodeModify(composite):
        composite.SetLinkedControl(True)
        composite.SetHotLinkedControl(True)
        composite.SetDoPropagateVolumeSelection(False)
        composite.SetBackgroundVolumeID(_identifier(result, view.volume))
        composite.SetForegroundVolumeID(_identifier(result, view.overlay))
        composite.SetForegroundOpacity(shownOf(result).opacity)
    return True


def _agrees(composite: slicer.vtkMRMLSliceCompositeNode, result, view: View) -> bool:
    opacity = composite.GetForegroundOpacity() == shownOf(result).opacity
    return _contentAgrees(composite, result, view) and (opacity or not view.overlay)


def _contentAgrees(composite: slicer.vtkMRMLSliceCompositeNode, result, view: View) -> bool:
    found = (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    return found == (_identifier(result, view.volume), _identifier(result, view.overlay))


def _identifier(result, role: str) -> str | None:
    node = result.node(role) if role else None
    return node.GetID() if node is not None else None


def _description(roles: tuple[str, ...], arrangement: str) -> str:
    """Return the layout in the language of Slicer's layout node."""
    views = [f"<item>{_sliceView(role)}</item>" for role in roles]
    plot = f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">{_property("viewlabel", "t")}</view>'
    if arrangement == ROW or len(views) < 4:
        return _split("vertical", (f'<layout type="horizontal">{"".join(views)}</layout>', 560), (plot, 440))
    rows = (f'<item><layout type="horizontal">{"".join(row)}</layout></item>' for row in (views[:2], views[2:]))
    return _split("horizontal", (f'<layout type="vertical">{"".join(rows)}</layout>', 640), (plot, 360))


def _split(direction: str, *parts: tuple[str, int]) -> str:
    items = "".join(f'<item splitSize="{size}">{content}</item>' for content, size in parts)
    return f'<layout type="{direction}" split="true">{items}</layout>'


def _sliceView(role: str) -> str:
    view = VIEWS[role]
    properties = {"orientation": "Axial", "viewlabel": viewTitle(role), "viewcolor": view.color}
    inside = "".join(_property(name, value) for name, value in (properties | {"viewgroup": str(VIEW_GROUP)}).items())
    return f'<view class="vtkMRMLSliceNode" singletontag={quoteattr(view.tag)}>{inside}</view>'


def _property(name: str, value: str) -> str:
    return f'<property name="{name}" action="default">{value}</property>'
