"""Which Python runs the worker: Slicer's own, or one that the user chose."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import slicer

from .LineProcess import Command

VARIABLE = "DSC_SUPERRES_PYTHON"
SETTING = "DSCSuperRes/pythonInterpreter"
PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that holds the package ``dsc_superres``."""


def chosenInterpreter() -> str:
    """The interpreter that the environment or the settings name; empty for Slicer's own."""
    return os.environ.get(VARIABLE) or slicer.util.settingsValue(SETTING, "") or ""


def fixedInterpreter() -> bool:
    """Whether the environment decides, and not the settings."""
    return bool(os.environ.get(VARIABLE))


def chooseInterpreter(path: str) -> None:
    """Keep ``path`` in the settings; empty for Slicer's own."""
    slicer.app.settings().setValue(SETTING, path)


def interpreter() -> Command:
    """The interpreter, ready for arguments, in an environment in which it finds ``dsc_superres``.

    Slicer's own is python-real: PythonSlicer would only be its parent, and ending that leaves python-real alone.
    """
    chosen = chosenInterpreter()
    if chosen:
        environment = dict(slicer.util.startupEnvironment())
        paths = [str(PACKAGES)]
    else:
        environment = dict(os.environ)
        paths = [str(PACKAGES), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    environment["PYTHONUNBUFFERED"] = "1"
    environment["PYTHONUTF8"] = "1"
    program = chosen or shutil.which("python-real") or shutil.which("PythonSlicer") or "python-real"
    return Command(program, (), environment)
