"""Display: the views side by side, through time, with differences, metrics, and curves."""

from __future__ import annotations

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..Scene.Curves.ArteryOverlay import ArteryOverlay, arteryOverlay
from ..Scene.Curves.Curves import Relaxation, findBaseline
from ..Scene.Curves.MetricsTables import frameMetrics, metricsTable, readMetrics, regions
from ..Scene.Curves.MotionChart import readMotion
from ..Scene.Display.Appearance import prepareDisplay
from ..Scene.Display.CompareLayout import ARRANGEMENTS, CompareLayout
from ..Scene.Display.OwnViews import SourceFrames
from ..Scene.Display.Playback import Moment, shownMoment
from ..Scene.Display.SelectedOutlines import showOutlinesOf
from .CompareControls import CompareControls
from .CurvePlotter import CROSSHAIR, CURSOR, MEASURES, MOTION, PLOTS, SEGMENTS, CurvePlotter
from .FrameKeys import FrameKeys
from .FrameMenu import FrameMenu
from .ImageControls import ImageControls
from .NarrowForm import makeNarrow
from .PinControls import PinControls
from .PlotLegend import placeLegend
from .Section import Section
from .SegmentEditorButton import connectSegmentEditor
from .UncertaintyControls import UncertaintyControls
from .ViewBars import arrangeBars
from .ViewFiller import ViewFiller
from .ViewKeeper import ViewKeeper

REGIONS = ("brain", "whole")
"""The rows of the region selector."""
BASELINE_SERIES = ("input", "reconstruction")
"""Series in which the baseline is searched, in this order."""


class DisplaySection(Section, VTKObservationMixin):
    """Controls of ``Display.ui``."""

    def __init__(self, ui, context) -> None:
        VTKObservationMixin.__init__(self)
        Section.__init__(self, ui, context)
        self._result, self._metrics, self._motion, self._baseline = None, {}, {}, None
        self._source: SourceFrames | None = None
        self.layout = CompareLayout(slicer.mrmlScene, slicer.app.applicationLogic())
        self._plotter = CurvePlotter(self.layout, context.status)
        self._compared = CompareControls(ui, context)
        self._images = ImageControls(ui, context.overlayChanged)
        self._uncertainty = UncertaintyControls(ui, self.layout, context.sideBySide, context.overlayChanged)
        self._seek, self._play = slicer.qMRMLSequenceBrowserSeekWidget(), slicer.qMRMLSequenceBrowserPlayWidget()
        for widget in (self._seek, self._play):
            ui.playback.layout().addWidget(widget)
            widget.setMRMLScene(slicer.mrmlScene)
        makeNarrow(self._play.findChildren(qt.QDoubleSpinBox))
        self._entered, self._keys = False, FrameKeys(self._step)
        self._menu = FrameMenu(context, self._showTime)
        self._pins = PinControls(ui, self._onPlotOptions)
        self._filler = ViewFiller(self.layout, self._onShown, self._onFitted)
        self._keeper = ViewKeeper(self.layout, context.overlayChanged, lambda: self._filler.busy)
        for title in (_("Two by two, curves beside"), _("In a row, curves below")):
            ui.arrangementSelector.addItem(title)
        ui.arrangementSelector.currentIndex = ARRANGEMENTS.index(self.layout.arrangement)
        ui.arrangementSelector.connect("currentIndexChanged(int)", self._onArrangement)
        ui.compareButton.connect("clicked(bool)", self._onCompare)
        ui.plotSelector.connect("currentIndexChanged(int)", self._onChoice)
        ui.regionSelector.connect("currentIndexChanged(int)", self._onChoice)
        for box in (ui.relaxationCheckBox, ui.arteryCheckBox):
            box.connect("toggled(bool)", self._onPlotOptions)
        ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onPlotOptions)
        connectSegmentEditor(ui.segmentEditorButton, ui.segmentationSelector, _("Region"), self._volume)
        self.setResult(None)

    def setParameterNode(self, parameters) -> None:
        """Restore the plot of the saved scene."""
        super().setParameterNode(parameters)
        self._setUpChoices()
        if self._result is not None:
            self._onPlotOptions()

    def setResult(self, result) -> None:
        """Show and control ``result``; None restores the user's layout."""
        wasShown = self.layout.shown or self._filler.showing
        self._plotter.stop()
        self._filler.stop()
        self._keeper.stop()
        self.removeObservers()
        self._result, self._baseline = result, None
        self._keys.enabled = self._entered and result is not None
        self._metrics = readMetrics(result) if result else {}
        self._motion = readMotion(result) if result else {}
        self._source = SourceFrames(result) if result else None
        if result is not None:
            prepareDisplay(result)
            showOutlinesOf(result, slicer.mrmlScene)
        self._compared.setResult(result)
        self._images.setResult(result)
        self._pins.setResult(result)
        browser = result.node("browser") if result else None
        for widget in (self._seek, self._play):
            widget.setMRMLSequenceBrowserNode(browser)
        self._setUpChoices()
        self._observe(browser)
        if result is None and slicer.mrmlScene.IsClosing():
            self.layout.hide()  # the views go with the scene
        elif result is None:
            self._filler.hide()
        elif wasShown:
            self._show()
        self._uncertainty.setResult(result)
        self._onLayout()
        self._onPlotOptions()

    def enter(self) -> None:
        """Restore the views, which another module may have changed, and let the keys step through the frames."""
        self._entered, self._keys.enabled = True, self._result is not None
        if self._result is not None and self.layout.shown:
            self._filler.fill(self._result)

    def exit(self) -> None:
        """Leave the keys to other modules."""
        self._entered = self._keys.enabled = False

    def show(self) -> None:
        """Show the result side by side."""
        if self._result is not None:
            self._show()
            self._onLayout()

    def overlayChanged(self) -> None:
        """Make the views, the controls of them, and the plot agree with what is chosen to be seen."""
        if self._result is not None:
            self._filler.fill(self._result)
        self._images.update()
        self._uncertainty.update()
        self._onPlotOptions()

    def cleanup(self) -> None:
        """Leave nothing running or observed, and restore the user's layout."""
        self.setResult(None)
        self._filler.stop()
        self._keys.cleanup()
        self._menu.detach()
        self.removeObservers()
        super().cleanup()

    def _volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """Return the volume on which regions are drawn."""
        return self._result.proxy("reconstruction") if self._result is not None else None

    def _setUpChoices(self) -> None:
        """Offer the plots and regions of this result."""
        ui, result = self.ui, self._result
        ui.compareButton.enabled = ui.playback.enabled = result is not None
        ui.metrics.visible = bool(self._metrics)
        ui.metricsTable.setMRMLTableNode(metricsTable(result, self._metrics) if self._metrics else None)
        ui.regionSelector.visible = "brain" in regions(self._metrics)
        absent = {*(() if self._metrics or result is None else MEASURES), *(() if self._motion else (MOTION,))}
        plots = [plot for plot in PLOTS if plot not in absent]
        choices = self.context.parameters.display if self.context.parameters is not None else None
        plot = choices.plot if choices else self._plot()
        for selector in (ui.plotSelector, ui.regionSelector):
            selector.blockSignals(True)
        ui.plotSelector.clear()
        for each in plots:
            ui.plotSelector.addItem(_plotTitle(each), each)
        ui.plotSelector.currentIndex = plots.index(plot) if plot in plots else 0
        ui.regionSelector.currentIndex = REGIONS.index(choices.region if choices else self._region())
        for selector in (ui.plotSelector, ui.regionSelector):
            selector.blockSignals(False)

    def _observe(self, browser: slicer.vtkMRMLSequenceBrowserNode | None) -> None:
        layoutNode = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layoutNode is not None:
            self.addObserver(layoutNode, vtk.vtkCommand.ModifiedEvent, self._onLayout)
        if browser is not None:
            self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self._onFrame)

    def _onCompare(self, checked: bool) -> None:
        if checked:
            self._show()
        else:
            self._plotter.stop()
            self._keeper.stop()
            self._filler.hide()
        self._onLayout()

    def _onArrangement(self, row: int) -> None:
        self.layout.arrangement = ARRANGEMENTS[row]
        if self._result is not None and self.layout.shown:
            self._show()

    def _show(self) -> None:
        self._filler.show(self._result)

    def _onShown(self) -> None:
        """The views have come to the screen."""
        self._keeper.keep(self._result)
        arrangeBars(self.layout.sliceNodes())
        placeLegend(self.layout.plotView(slicer.app.layoutManager()), self.layout.plotIsHigh)
        self._onPlotOptions()

    def _onFitted(self) -> None:
        """The views are zoomed to the head."""
        if self.layout.shown:
            self._keys.attach(self.layout.interactors(slicer.app.layoutManager()))
            self._menu.attach(self.layout.plotView(slicer.app.layoutManager()))

    def _onLayout(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        """Update the button when the layout was changed, here or elsewhere."""
        shown = self.layout.shown or self._filler.showing
        wasElsewhere = not self.ui.compareButton.checked and not self._filler.showing
        if self.layout.shown and wasElsewhere and self._result is not None:
            self._show()
        self.ui.compareButton.checked = shown
        self.ui.compareButton.text = _("Back to my layout") if shown else _("Show side by side")

    def _step(self, frames: int) -> None:
        """Show the frame so many frames later, if there is one."""
        browser = self._result.node("browser") if self._result is not None else None
        if browser is not None:
            last = browser.GetNumberOfItems() - 1
            browser.SetSelectedItemNumber(min(max(browser.GetSelectedItemNumber() + frames, 0), last))

    def _showTime(self, seconds: float) -> None:
        """Show the frame that is nearest to a time (s)."""
        browser = self._result.node("browser") if self._result is not None else None
        if browser is not None:
            times = self._result.times("reconstruction")
            browser.SetSelectedItemNumber(int(np.abs(times - seconds).argmin()))

    def _onFrame(self, caller: vtk.vtkObject | None = None, event: str = "") -> None:
        moment = shownMoment(self._result) if self._result else None
        self.ui.momentLabel.text = _momentText(moment) if moment else ""
        if moment is not None:
            self._plotter.markTime(moment.time)
            if not self.layout.shown:
                self._source.show(moment.time)
        if moment is not None and self._metrics:
            measured = frameMetrics(next(iter(self._metrics.values())), self._region(), moment.time)
            self.ui.frameMetricsLabel.text = measured or _("The ground truth has no frame at this time.")

    def _onChoice(self) -> None:
        if self.context.parameters is not None:
            self.context.parameters.display.plot = self._plot()
            self.context.parameters.display.region = REGIONS[self.ui.regionSelector.currentIndex]
        selector = self.ui.segmentationSelector
        if self._plot() == SEGMENTS and selector.currentNode() is None:
            selector.setCurrentNode(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode"))
        self._onPlotOptions()

    def _onPlotOptions(self) -> None:
        ui, plotter = self.ui, self._plotter
        plotter.result, plotter.region = self._result, self._region()
        plotter.plot = self._plot()
        plotter.segmentation = ui.segmentationSelector.currentNode()
        plotter.relaxation = self._relaxation()
        plotter.artery = self._artery()
        ui.segmentationSelector.enabled = plotter.plot == SEGMENTS
        ui.relaxationCheckBox.enabled = plotter.plot not in (*MEASURES, MOTION) and self._echoTime() is not None
        ui.arteryCheckBox.enabled = plotter.plot in (CURSOR, CROSSHAIR)
        self._pins.enable(plotter.plot in (CURSOR, CROSSHAIR))
        if self.layout.shown:
            plotter.refresh()
        self._onFrame()

    def _plot(self) -> str:
        return self.ui.plotSelector.currentData or CURSOR

    def _region(self) -> str:
        """Return the chosen region, or the whole image if no brain was found."""
        chosen = REGIONS[self.ui.regionSelector.currentIndex]
        return chosen if not self._metrics or chosen in regions(self._metrics) else "whole"

    def _echoTime(self) -> float | None:
        """Return the echo time in s; None if the provenance lacks it."""
        provenance = self._result.record("text.provenance") if self._result else {}
        return provenance.get("source", {}).get("echo_time_s")

    def _relaxation(self) -> Relaxation | None:
        """Return the parameters for Delta R2*; None to plot the signal, or if there is no bolus."""
        echoTime = self._echoTime()
        if not self.ui.relaxationCheckBox.checked or echoTime is None:
            return None
        if self._baseline is None:
            self._baseline = self._findBaseline()
        if self._baseline is None:
            self.context.status(_("No bolus was found in this series, so there is no baseline for ΔR2*."))
            return None
        return Relaxation(echoTime, self._baseline)

    def _artery(self) -> ArteryOverlay | None:
        """Return the arterial input to lay over the curves; None if that is not wanted, or without maps."""
        wanted = self._result is not None and self.ui.arteryCheckBox.checked
        return arteryOverlay(self._result) if wanted else None

    def _findBaseline(self) -> tuple[float, float] | None:
        """Return the baseline found in the input, or in the reconstruction if the input has too few frames."""
        found = (findBaseline(self._result.sequence(role), self._result.times(role)) for role in BASELINE_SERIES)
        return next((baseline for baseline in found if baseline is not None), None)


def _plotTitle(plot: str) -> str:
    titles = {
        CURSOR: _("Curves at the cursor"),
        CROSSHAIR: _("Curves at the crosshair (Shift + move)"),
        SEGMENTS: _("Mean curves of segments"),
        MOTION: _("Motion of the head"),
    }
    return titles.get(plot) or _("{measure} over time").format(measure=plot.upper())


def _momentText(moment: Moment) -> str:
    if moment.acquired:
        kind = _("acquired")
    elif moment.shownFrameTime is None:
        kind = _("reconstructed, before the first frame of the input")
    else:
        kind = _("reconstructed; the input still shows {time} s").format(time=f"{moment.shownFrameTime:.2f}")
    text = _("{time} s, frame {frame} of 0 to {last}: {kind}")
    return text.format(time=f"{moment.time:.2f}", frame=moment.frame - 1, last=moment.frames - 1, kind=kind)
