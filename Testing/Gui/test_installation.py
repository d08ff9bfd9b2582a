"""What the module offers to install."""

import os
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_requirements_are_the_dependencies_of_the_package(app) -> None:
    from DSCSuperResLib.Process.Installation import REQUIREMENTS

    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    assert list(REQUIREMENTS) == project["dependencies"]


BROKEN = "raise OSError('[WinError 126] Error loading fbgemm.dll or one of its dependencies.')"
STUB = """#!{python}
import os, sys
from pathlib import Path
folder = Path(__file__).parent
if "pip" in sys.argv:  # what would download gigabytes
    (folder / "pip.txt").write_text(chr(10).join(sys.argv[1:]))
    print("Successfully installed torch", flush=True)
    sys.exit(0)
if not (folder / "pip.txt").exists():
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder / "broken"), os.environ["PYTHONPATH"]])
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""A Python whose PyTorch does not start until pip has installed something."""


@pytest.mark.skipif(os.name == "nt", reason="Windows starts no scripts")
def test_a_broken_pytorch_is_installed_again_by_one_click(driver, slotErrors, monkeypatch, tmp_path) -> None:
    import qt
    import slicer

    (tmp_path / "broken" / "torch").mkdir(parents=True)
    (tmp_path / "broken" / "torch" / "__init__.py").write_text(BROKEN)
    stub = tmp_path / "python"
    stub.write_text(STUB.format(python=sys.executable))
    stub.chmod(0o755)
    asked = []
    monkeypatch.delenv("DSC_SUPERRES_PYTHON")
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text: bool(asked.append(text)) or True)
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *arguments: str(stub))
    driver.load()
    ui = driver.ui("Reconstruct")
    driver.panel.sections["Reconstruct"].probe()
    ui.interpreterButton.click()
    driver.wait(lambda: ui.installButton.text.startswith("Reinstall"), 60, "the offer to reinstall PyTorch")
    assert not ui.applyButton.enabled
    assert "fbgemm" in ui.applyButton.toolTip
    assert not asked, "nothing is installed without being asked for"
    ui.installButton.click()
    assert len(asked) == 1
    assert str(stub) in asked[0]
    driver.wait(lambda: (tmp_path / "pip.txt").exists(), 30, "pip")
    driver.wait(lambda: ui.applyButton.enabled, 120, "a background process that works again")
    words = (tmp_path / "pip.txt").read_text().split("\n")
    assert words[:3] == ["-m", "pip", "install"]
    assert "--force-reinstall" in words
    assert words[-1].startswith("torch>")
    assert not ui.installButton.visible
    ui.ownInterpreterButton.click()
    monkeypatch.undo()
    driver.panel.sections["Reconstruct"].probe()
