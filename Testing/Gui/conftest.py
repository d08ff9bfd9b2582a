"""The module in the stand-in for Slicer's window. What goes wrong out of sight, in a slot, fails the test."""

import os
import sys
import traceback
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["DSC_SUPERRES_PYTHON"] = sys.executable
sys.path += [str(Path(__file__).parents[1] / name) for name in ("Core", "Panel", "MRML")]  # for their helpers

import pytest


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """``slicer.app``: after this ``qt``, ``ctk`` and all of ``slicer`` can be imported."""
    import standin

    app = standin.install(str(tmp_path_factory.mktemp("settings")))
    yield app
    app._object.close()


@pytest.fixture
def slotErrors(app, monkeypatch) -> list[str]:
    """What was raised in slots and observers, which goes to nobody but the log; the test may empty it."""
    from standin import pythonqt

    errors = []

    def note(kind, error, trace) -> None:
        errors.append("".join(traceback.format_exception(kind, error, trace)))

    monkeypatch.setattr(sys, "excepthook", note)
    pythonqt.missingSignals.clear()
    yield errors
    assert not errors, "\n".join(errors)
    assert not pythonqt.missingSignals


@pytest.fixture(scope="package")
def driver(app, tmp_path_factory):
    """The panel, opened, which knows what the background process can do."""
    from driver import Driver

    folder = tmp_path_factory.mktemp("panel")
    temporary = folder / "temporary"
    temporary.mkdir()
    pictures = Path(os.environ.get("DSC_SCREENSHOTS", folder / "pictures"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TMPDIR", "TEMP", "TMP"):
            patch.setenv(name, str(temporary))
        driver = Driver(app, temporary, pictures)
        yield driver
        driver.widget.cleanup()


@pytest.fixture(scope="module")
def finishedRun(driver) -> None:
    """A series compared in half the pixels and every fourth frame."""
    driver.panel.enter()  # where an earlier test has left it
    driver.load((64, 64, 4), 33)
    driver.start()
    driver.finish()
    driver.settle()
