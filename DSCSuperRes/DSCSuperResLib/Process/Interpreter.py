"""The Python interpreter of the worker: Slicer's, or one that the user chose."""

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
    """Return the interpreter named by the environment or the settings; empty for Slicer's."""
    return os.environ.get(VARIABLE) or slicer.util.settingsValue(SETTING, "") or ""


def fixedInterpreter() -> bool:
    """Return whether the interpreter is set by the environment."""
    return bool(os.environ.get(VARIABLE))


def chooseInterpreter(path: str) -> None:
    """Store ``path`` in the settings; empty for Slicer's interpreter."""
    slicer.app.settings().setValue(SETTING, path)


def interpreter() -> Command:
    """Return the interpreter as a command without arguments, in an environment in which it finds ``dsc_superres``.

    Slicer's interpreter is python-real: killing its parent process PythonSlicer would leave it running.
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
