"""Installation of the worker's requirements with the user's consent: PyTorch for this computer, and some packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import slicer

from ..Translation import _
from .Interpreter import chosenInterpreter, interpreter
from .LineProcess import LineProcess
from .WorkerProcess import Log

NOT_PACKAGES = ("dsc-superres", "python")
"""Entries of the probe's versions that pip does not install: this software comes with the module."""
EXTENSION = "PyTorch"
REQUIREMENTS = (
    "numpy>=1.26",
    "scipy>=1.11",
    "SimpleITK>=2.3",
    "pydicom>=2.4",
    "torch>=2.4",
    "torchdiffeq>=0.2.4",
    "safetensors>=0.4",
    "scikit-image>=0.22",
    "scikit-learn>=1.3",
    "matplotlib>=3.8",
    "nilearn>=0.10",
    "nibabel>=5",
    "jinja2>=3.1",
    "tqdm>=4.66",
    "threadpoolctl>=3.1",
)
"""The dependencies in pyproject.toml, which Slicer does not install beside the module."""
TORCH = next(package for package in REQUIREMENTS if package.startswith("torch>"))


def lacks(capabilities: dict) -> list[str]:
    """Return the packages that the worker needs and does not have."""
    return [name for name, version in capabilities["versions"].items() if version is None and name not in NOT_PACKAGES]


class Installation:
    """Call ``confirmed()``, then ``start()``; ``onFinished`` receives an error, empty on success.

    ``again`` replaces a PyTorch that is installed and does not start.
    """

    def __init__(self, log: Log, onFinished: Callable[[str], None], again: bool = False) -> None:
        self._log, self._onFinished, self._again = log, onFinished, again
        self._process: LineProcess | None = None

    def confirmed(self) -> bool:
        """Ask for the user's consent to the installation, and return it."""
        if chosenInterpreter():
            text = _("Install PyTorch and the packages of DSCSuperRes with pip into {path}? This downloads up to 3 GB.")
            return slicer.util.confirmOkCancelDisplay(text.format(path=chosenInterpreter()))
        if importlib.util.find_spec("PyTorchUtils") is None:
            text = _("The extension PyTorch chooses the build that fits this computer. Install it and restart Slicer?")
            if slicer.app.extensionsManagerModel() is not None and slicer.util.confirmYesNoDisplay(text):
                slicer.app.extensionsManagerModel().installExtensionFromServer(EXTENSION)
                slicer.util.restart()
                return False
        text = _("Install PyTorch and the packages of DSCSuperRes into Slicer's Python? This downloads up to 3 GB.")
        return slicer.util.confirmOkCancelDisplay(text)

    def start(self) -> None:
        """Install in the background; only PyTorchUtils blocks the window."""
        if self._hasUtils():
            import PyTorchUtils

            try:
                if self._again:
                    PyTorchUtils.PyTorchUtilsLogic().uninstallTorch()
                PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=">=2.4")
            except Exception as error:
                self._onFinished(_("PyTorch could not be installed: {reason}").format(reason=error))
                return
        self._pip()

    def _hasUtils(self) -> bool:
        """Return whether the extension PyTorch installs into Slicer's own Python."""
        return not chosenInterpreter() and importlib.util.find_spec("PyTorchUtils") is not None

    def kill(self) -> None:
        """Stop the installation, without calling ``onFinished``."""
        if self._process is not None:
            self._process.kill()

    def _pip(self) -> None:
        packages = ("--force-reinstall", TORCH) if self._again and not self._hasUtils() else REQUIREMENTS
        command = interpreter().following("-m", "pip", "install", "--no-input", *packages)
        self._process = LineProcess(command, self._log.add, self._log.add, self._onEnd)

    def _onEnd(self, code: int) -> None:
        text = _("pip ended with code {code}: {line}").format(code=code, line=self._log.last)
        self._onFinished("" if code == 0 else text)
