"""The layout of the module: ground truth | input | reconstruction | difference side by side, curves below.

The views are linked with each other and with no other view, because they are in a separate view group.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import slicer
import vtk

from ..Result import SEQUENCES

VIEW_GROUP = 59
PLOT_VIEW = "DSCSuperResCurves"
LAYOUT_BEFORE = "DSCSuperRes.LayoutBefore"
"""Attribute of the layout node with the user's layout, so that it can also be restored in a saved scene."""


@dataclass(frozen=True)
class SliceView:
    """One slice view: its singleton tag, a label short enough for a narrow view, the color of its bar."""

    tag: str
    label: str
    color: str


VIEWS = {
    "truth": SliceView("DSCSuperResTruth", "GT", "#8c959d"),
    "input": SliceView("DSCSuperResInput", "In", "#e69f00"),
    "reconstruction": SliceView("DSCSuperResReconstruction", "SR", "#3a8fd9"),
    "difference": SliceView("DSCSuperResDifference", "Δ", "#b04a9c"),
}
LAYOUTS = {
    "compare": (5911, ("truth", "input", "reconstruction", "difference")),
    "reconstruct": (5912, ("input", "reconstruction")),
}
"""Number of the layout and roles from left to right, by task."""


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
        return node is not None and node.GetViewArrangement() in _numbers()

    def register(self) -> None:
        """Register the module's layouts with Slicer, as required by scenes that were saved with one of them."""
        node = self._layoutNode()
        for number, roles in LAYOUTS.values():
            if node is not None and not node.IsLayoutDescription(number):
                node.AddLayoutDescription(number, _description(roles))

    def show(self, result) -> None:
        """Change to the layout for the result's task, store the user's layout, and fill the views."""
        node = self._layoutNode()
        if node is None:
            return
        self.register()
        if not self.shown:
            self._before = node.GetViewArrangement()
            node.SetAttribute(LAYOUT_BEFORE, str(self._before))
        node.SetViewArrangement(LAYOUTS[result.task][0])
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
        """Show the result's volumes in the module's views, link these, and keep other volumes out of them."""
        for role in LAYOUTS[result.task][1]:
            composite, volume = self.compositeNode(role), result.proxy(role)
            if composite is None:
                continue
            with slicer.util.NodeModify(composite):
                composite.SetLinkedControl(True)
                composite.SetHotLinkedControl(True)
                composite.SetDoPropagateVolumeSelection(False)
                composite.SetBackgroundVolumeID(volume.GetID() if volume else None)
                if not self._belongs(composite.GetForegroundVolumeID(), result):
                    composite.SetForegroundVolumeID(None)
                composite.SetInteractionFlags(composite.BackgroundVolumeFlag | composite.ForegroundVolumeFlag)
            # A color legend that is older than the view is drawn only after a change with these flags.
            composite.SetInteractionFlags(0)

    def fit(self, result) -> None:
        """Align the module's views with the slices of the result, and fit its whole field of view.

        The views must have their final size.
        """
        volume, offset = result.proxy("reconstruction"), None
        for role in LAYOUTS[result.task][1]:
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

    def _belongs(self, volume: str | None, result) -> bool:
        """Return whether the volume with this ID belongs to the result, and may stay over its images."""
        node = self._scene.GetNodeByID(volume or "")
        return node is not None and any(node is one for one in (*result.nodes(), *map(result.proxy, SEQUENCES)))

    def _layoutNode(self) -> slicer.vtkMRMLLayoutNode | None:
        """Return the layout node; None without a main window."""
        return self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _numbers() -> set[int]:
    return {number for number, _ in LAYOUTS.values()}


def _description(roles: tuple[str, ...]) -> str:
    slices = "".join(f"<item>{_sliceView(VIEWS[role])}</item>" for role in roles)
    plot = f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">{_property("viewlabel", "t")}</view>'
    return (
        '<layout type="vertical" split="true">'
        f'<item splitSize="560"><layout type="horizontal">{slices}</layout></item>'
        f'<item splitSize="440">{plot}</item>'
        "</layout>"
    )


def _sliceView(view: SliceView) -> str:
    properties = {"orientation": "Axial", "viewlabel": view.label, "viewcolor": view.color, "viewgroup": VIEW_GROUP}
    inside = "".join(_property(name, str(value)) for name, value in properties.items())
    return f'<view class="vtkMRMLSliceNode" singletontag={quoteattr(view.tag)}>{inside}</view>'


def _property(name: str, value: str) -> str:
    return f'<property name="{name}" action="default">{value}</property>'
