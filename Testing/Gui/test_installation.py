"""What the module offers to install."""

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
