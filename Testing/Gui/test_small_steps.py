"""What the panel does in small steps: files that go, progress that is reported, views that are filled."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import time
from types import SimpleNamespace

import slicer
import vtk

pytestmark = pytest.mark.usefixtures("slotErrors")


def test_large_files_go_in_pieces_and_what_links_point_at_stays(app, driver, tmp_path) -> None:
    from DSCSuperResLib.Jobs import RemoveFiles

    folder, elsewhere = tmp_path / "job", tmp_path / "series.nrrd"
    (folder / "frames").mkdir(parents=True)
    elsewhere.write_bytes(b"the user's")
    (folder / "link").symlink_to(elsewhere)
    large = folder / "frames" / "frame.nrrd"
    large.write_bytes(bytes(2 * RemoveFiles.PIECE + 1))
    (folder / "job.json").write_text("{}")
    sizes = [large.stat().st_size if large.exists() else 0 for _piece in RemoveFiles.removeFiles(folder)]
    assert {RemoveFiles.PIECE + 1, 1} <= set(sizes), "two pieces, one after the other"
    assert [path.name for path in folder.rglob("*") if path.is_file() and not path.is_symlink()] == []
    assert elsewhere.read_bytes() == b"the user's"


def test_attributes_are_set_without_an_event_and_go_with_none(app, driver) -> None:
    from DSCSuperResLib.Scene.Attributes import setAttributes

    node, events = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode"), []
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: events.append(event))
    setAttributes(node, {"DSCSuperRes.One": "1", "DSCSuperRes.Two": "2"})
    setAttributes(node, {"DSCSuperRes.One": None})
    assert (node.GetAttribute("DSCSuperRes.One"), node.GetAttribute("DSCSuperRes.Two")) == (None, "2")
    assert events == []
    node.SetText("others are told again")
    assert events
    slicer.mrmlScene.RemoveNode(node)


def test_progress_is_reported_ten_times_a_second_at_most_and_its_last_value_arrives(app, driver, monkeypatch) -> None:
    from DSCSuperResLib.Jobs import BackgroundJob as jobs

    class Worker:
        """Reports a hundred times in a moment."""

        def __init__(self, command, onOutcome, report, log, onAhead) -> None:
            self.onOutcome = onOutcome
            for number in range(100):
                report(number / 99, f"step {number}", None)
            workers.append(self)

    class Job(jobs.BackgroundJob):
        def steps(self, folder):
            yield from self.compute({}, folder, 0.5, 1.0)
            return jobs.Finished("done")

    class Command:
        def following(self, *arguments, **environment) -> None:
            """The worker is none."""

    workers, reported, finished = [], [], []
    monkeypatch.setattr(jobs, "WorkerProcess", Worker)
    job = Job()
    job.start(Command(), driver.logic.log, finished.append, lambda *progress: reported.append(progress))
    driver.wait(lambda: reported and reported[-1][1] == "step 99", 10, "the last value")
    assert len(reported) <= 2
    assert reported[-1] == (1.0, "step 99", None)
    workers[0].onOutcome(jobs.Outcome(message={}))
    driver.wait(lambda: finished, 10, "the end")
    assert finished[0].result == "done"


class Layout:
    """Notes what is done to views, a step for each of two views, which takes a slice of time.

    ``drawing`` are the parts at which the views of the window could draw.
    """

    def __init__(self) -> None:
        self.log, self.drawing, self.shown = [], [], False

    def makeViewsInSteps(self, result):
        yield from self._steps("make", result)

    def bringUp(self, result):
        self.shown = True
        self._note(f"show {result}")

    def hide(self):
        self.shown = False
        self._note("hide")

    def assignInSteps(self, result):
        yield from self._steps("fill", result)

    def fitInSteps(self, result):
        yield from self._steps("fit", result)

    def _steps(self, what, result):
        for view in (1, 2):
            time.sleep(0.031)
            self._note(f"{what} {result} {view}")
            yield

    def _note(self, part):
        self.log.append(part)
        if any(view.renderEnabled for view in _views()):
            self.drawing.append(part)


def _views():
    manager = slicer.app.layoutManager()
    return [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()]


def _filler(driver):
    from DSCSuperResLib.Sections.ViewFiller import ViewFiller

    for _view in driver.layout.makeViewsInSteps(SimpleNamespace(task="reconstruct")):
        pass
    assert len(_views()) >= 2
    layout = Layout()
    filler = ViewFiller(layout, lambda: layout.log.append("shown"), lambda: layout.log.append("fitted"))
    return filler, layout


@pytest.fixture
def onScreen(driver):
    """Puts the views on the screen, where they are drawn for the first time."""
    yield lambda: [view.show() for view in _views()]
    for view in _views():
        view.hide()


def test_views_are_shown_then_filled_then_fitted(app, driver, onScreen) -> None:
    filler, layout = _filler(driver)
    onScreen()
    filler.show("A")
    filler.fill("A")  # is included
    assert filler.busy
    assert filler.showing
    driver.wait(lambda: not filler.busy, 10, "the views")
    made, filled, fitted = ([f"{what} A {view}" for view in (1, 2)] for what in ("make", "fill", "fit"))
    assert layout.log == [*made, "show A", *filled, "shown", *fitted, "fitted"]
    assert layout.drawing == made, "nothing is drawn before it is filled and zoomed"
    assert not filler.showing
    filler.hide()
    driver.wait(lambda: not filler.busy, 10, "the user's own layout")
    assert layout.log[-1] == "hide"
    assert layout.drawing == made
    assert all(view.renderEnabled for view in _views())


def test_views_that_were_never_on_the_screen_draw_as_they_come_there(app, driver) -> None:
    """Slicer's would stay black for ever."""
    filler, layout = _filler(driver)
    filler.show("A")
    driver.wait(lambda: not filler.busy, 10, "the views")
    assert layout.drawing == [part for part in layout.log if part not in ("shown", "fitted")]


def test_views_draw_again_when_they_are_left_before_they_are_filled(app, driver, onScreen) -> None:
    filler, layout = _filler(driver)
    onScreen()
    filler.show("A")
    driver.wait(lambda: layout.shown, 10, "the layout")
    assert not any(view.renderEnabled for view in _views())
    filler.stop()
    assert all(view.renderEnabled for view in _views())


def test_another_result_takes_the_views_over_and_a_stop_leaves_them(app, driver) -> None:
    filler, layout = _filler(driver)
    filler.show("A")
    filler.fill("B")
    driver.wait(lambda: not filler.busy, 10, "the views")
    assert not any(part.startswith("fill A") for part in layout.log)
    assert "shown" in layout.log, "the wish to see the layout was not lost"
    filler.fill("B")
    filler.stop()
    before = list(layout.log)
    driver.settle()
    assert layout.log == before
    assert not filler.busy


def test_series_that_come_by_other_means_are_counted_but_not_while_a_scene_is_read(app, driver) -> None:
    button = driver.ui("Reconstruct").allSeriesButton
    driver.load((16, 16, 2), 12)
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Another")
    for index in range(3):
        series.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), str(index))
    driver.settle()
    assert button.enabled, button.toolTip
    series.GetSequenceScene().Clear(1)  # as in a scene that is being read: index values, and no frames yet
    slicer.mrmlScene.RemoveNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode"))
    driver.settle()
    assert not button.enabled
    slicer.mrmlScene.Clear(0)
