"""The layouts of the module: ground truth, input, reconstruction and difference together, with the curves.

The views are linked with each other and with no other view, because they are in a separate view group.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import slicer
import vtk

from ..Attributes import setAttributes
from ..Maps.Maps import DIFFERENCES
from ..Maps.OfferedMaps import offerMaps
from ..Steps import finish
from .HeadFit import fitHead, headCorners
from .Legends import hideOtherLegends, removeLegends, removeOtherLegends, showLegendOf
from .SliceViews import ROLES, VIEW_GROUP, VIEWS
from .ViewState import View, shownOf, viewsOf, viewTitle

PLOT_VIEW = "DSCSuperResCurves"
PLOT_LABEL = "t"
ORIENTATION = "Axial"
"""Of the slice views before they are aligned with the slices of a result."""
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
    ("compare", GRID): 5913,
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
    def plotIsHigh(self) -> bool:
        """Whether the plot is beside the views, and therefore higher than wide."""
        node = self._layoutNode()
        return node is not None and node.GetViewArrangement() == NUMBERS["compare", GRID]

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
        finish(self.makeViewsInSteps(result))
        self.bringUp(result)
        self.assign(result)

    def makeViewsInSteps(self, result) -> Iterator[None]:
        """Make the views that the layout for the result's task lacks; yields after each, which takes Slicer a while.

        Legends are removed where views will be newer than they are.
        """
        node = self._layoutNode()
        if node is None:
            return
        self.register()
        areThere = self._plotNode() is not None and all(map(self.sliceNode, ROLES[result.task]))
        if not self.shown or not areThere:
            yield from removeLegends(self._scene)
        for role in ROLES[result.task]:
            if self.sliceNode(role) is None:
                _addSliceNode(self._scene, role)
                yield
        if self._plotNode() is None:
            _addPlotNode(self._scene)
            yield

    def bringUp(self, result) -> None:
        """Change to the layout for the result's task, and store the user's layout."""
        node = self._layoutNode()
        if node is None:
            return
        if not self.shown:
            self._before = node.GetViewArrangement()
            setAttributes(node, {LAYOUT_BEFORE: str(self._before)})
        node.SetViewArrangement(NUMBERS[result.task, self.arrangement])

    def hide(self) -> None:
        """Restore the user's layout, if the module's layout is shown."""
        node = self._layoutNode()
        if node is None or not self.shown:
            return
        saved = node.GetAttribute(LAYOUT_BEFORE)
        before = self._before
        if before is None:
            before = int(saved) if saved else node.SlicerLayoutFourUpView
        self._before = None
        setAttributes(node, {LAYOUT_BEFORE: None})
        node.SetViewArrangement(before if node.IsLayoutDescription(before) else node.SlicerLayoutFourUpView)

    def assign(self, result) -> None:
        """Make the module's views agree with the state of ``result``: volumes, overlay, titles and legends.

        Nothing is touched that agrees already. The views are linked, and other volumes kept out of them.
        """
        finish(self.assignInSteps(result))

    def assignInSteps(self, result) -> Iterator[None]:
        """Do what ``assign`` does, view by view, each together with its legend; yields in between."""
        shown = shownOf(result)
        for _map in offerMaps(result, shown.overlay, DIFFERENCES[shown.compared]):
            yield
        views = {role: view for role, view in viewsOf(result).items() if self.compositeNode(role) is not None}
        legends = {}
        for view in views.values():
            source = result.node(view.overlay or view.volume)
            if source is not None and view.legend and shown.legends:
                legends[source] = view.legend
        if hideOtherLegends(legends, self._scene):
            yield
        for role, view in views.items():
            self.sliceNode(role).SetLayoutLabel(view.title)
            source = result.node(view.overlay or view.volume)
            changed = _fill(self.compositeNode(role), result, view)
            if source in legends:
                changed |= showLegendOf(source, legends[source], changed)
            if changed:
                yield
        yield from removeOtherLegends(legends, self._scene)

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
        finish(self.fitInSteps(result))

    def fitInSteps(self, result) -> Iterator[None]:
        """Do what ``fit`` does, and yield after each view."""
        volume, offset = result.proxy("reconstruction"), None
        if volume is None:
            return
        corners = headCorners(result.sequence("reconstruction").GetNthDataNode(0))
        for role in ROLES[result.task]:
            view = self.sliceNode(role)
            logic = self._applicationLogic.GetSliceLogic(view) if view is not None and self._applicationLogic else None
            if view is None:
                continue
            with slicer.util.NodeModify(view):  # each change would draw the view again
                view.RotateToVolumePlane(volume)
                if logic is not None:
                    width, height, _ = view.GetDimensions()
                    logic.FitSliceToVolume(volume, width, height)
                    logic.SnapSliceOffsetToIJK()
                    # The middle may lie between two slices: all views are to take the same one.
                    offset = view.GetSliceOffset() if offset is None else offset
                    view.SetSliceOffset(offset)
                    fitHead(view, corners)
            yield

    def showChart(self, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
        """Show ``chart`` in the module's plot view."""
        view = self._plotNode()
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
        node = self._plotNode()
        if layoutManager is None or node is None:
            return None
        widgets = (layoutManager.plotWidget(index) for index in range(layoutManager.plotViewCount))
        return next((one.plotView() for one in widgets if one.mrmlPlotViewNode() is node), None)

    def compositeNode(self, role: str) -> slicer.vtkMRMLSliceCompositeNode | None:
        """Return the composite node of the slice view for ``role``; None before it was first shown."""
        view = self.sliceNode(role)
        return slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view) if view else None

    def _plotNode(self) -> slicer.vtkMRMLPlotViewNode | None:
        """Return the node of the module's plot view; None before it was first shown."""
        return self._scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")

    def _layoutNode(self) -> slicer.vtkMRMLLayoutNode | None:
        """Return the layout node; None without a main window."""
        return self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _addSliceNode(scene: slicer.vtkMRMLScene, role: str) -> None:
    """Add the view for ``role``, as the layout would: Slicer makes its widget now, and not all of them together."""
    view, node = VIEWS[role], _newNode(scene, "vtkMRMLSliceNode")
    node.SetSingletonTag(view.tag)
    node.SetLayoutName(view.tag)
    node.SetName(view.tag)
    if node.HasSliceOrientationPreset(ORIENTATION):
        node.SetOrientation(ORIENTATION)
    node.SetLayoutLabel(viewTitle(role))
    node.SetLayoutColor(*(int(view.color[start : start + 2], 16) / 255 for start in (1, 3, 5)))
    node.SetViewGroup(VIEW_GROUP)
    scene.AddNode(node)


def _addPlotNode(scene: slicer.vtkMRMLScene) -> None:
    """Add the plot view, as the layout would."""
    node = _newNode(scene, "vtkMRMLPlotViewNode")
    node.SetSingletonTag(PLOT_VIEW)
    node.SetLayoutName(PLOT_VIEW)
    node.SetName(PLOT_VIEW)
    node.SetLayoutLabel(PLOT_LABEL)
    scene.AddNode(node)


def _newNode(scene: slicer.vtkMRMLScene, className: str) -> slicer.vtkMRMLAbstractViewNode:
    """Return a new node with the scene's defaults, such as the orientations of slice views; not in the scene yet."""
    node = scene.CreateNodeByClass(className)
    node.UnRegister(None)  # Python holds a reference of its own
    return node


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
    plot = f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">{_property("viewlabel", PLOT_LABEL)}</view>'
    if arrangement == ROW or len(views) < 4:
        return _split("vertical", (f'<layout type="horizontal">{"".join(views)}</layout>', 560), (plot, 440))
    rows = (f'<item><layout type="horizontal">{"".join(row)}</layout></item>' for row in (views[:2], views[2:]))
    return _split("horizontal", (f'<layout type="vertical">{"".join(rows)}</layout>', 640), (plot, 360))


def _split(direction: str, *parts: tuple[str, int]) -> str:
    items = "".join(f'<item splitSize="{size}">{content}</item>' for content, size in parts)
    return f'<layout type="{direction}" split="true">{items}</layout>'


def _sliceView(role: str) -> str:
    view = VIEWS[role]
    properties = {"orientation": ORIENTATION, "viewlabel": viewTitle(role), "viewcolor": view.color}
    inside = "".join(_property(name, value) for name, value in (properties | {"viewgroup": str(VIEW_GROUP)}).items())
    return f'<view class="vtkMRMLSliceNode" singletontag={quoteattr(view.tag)}>{inside}</view>'


def _property(name: str, value: str) -> str:
    return f'<property name="{name}" action="default">{value}</property>'
