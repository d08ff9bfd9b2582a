"""Slicer's window for tests: ``qt``, ``ctk`` and the graphical part of ``slicer`` on PySide6, over the real MRML.

Slicer's Qt layer is in no package registry; this is the smallest honest stand-in. It has what the panel uses and no
more, with the semantics of PythonQt: see ``pythonqt``.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import slicer
import slicer.util
from PySide6 import QtCore, QtGui, QtWidgets

from . import application, ctkWidgets, forms, mrmlWidgets, parameters, pythonqt, scriptedModule

__all__ = ["install"]


class _Qt(ModuleType):
    """The module ``qt``: the classes of Qt, and none of PySide's own helpers."""

    QUiLoader = forms.QUiLoader

    def __getattr__(self, name: str) -> type:
        found = (getattr(module, name, None) for module in (QtCore, QtGui, QtWidgets))
        native = next((each for each in found if each is not None), None)
        if not name.startswith("Q") or not isinstance(native, type):
            raise AttributeError(f"module 'qt' has no attribute '{name}'")
        return pythonqt.wrapClass(native)


def install(settings: str) -> pythonqt.Wrapper:
    """Provide the modules, once in a process, with settings in the folder ``settings``; returns ``slicer.app``."""
    qt, ctk = _Qt("qt"), ModuleType("ctk")
    for one in ctkWidgets.WIDGETS:
        setattr(ctk, one.__name__, pythonqt.wrapClass(one))
    for one in mrmlWidgets.WIDGETS:
        setattr(slicer, one.__name__, pythonqt.wrapClass(one))
    dialogs = qt.QFileDialog
    for choose in ("getOpenFileName", "getExistingDirectory", "getSaveFileName"):
        setattr(dialogs, choose, lambda *arguments: "")  # a path and no tuple; cancelled, as nobody is there
    i18n = ModuleType("slicer.i18n")
    i18n.tr, i18n.translate = lambda text: text, lambda context, text: text
    sys.modules.update(
        {
            "qt": qt,
            "ctk": ctk,
            "slicer.i18n": i18n,
            "slicer.parameterNodeWrapper": parameters,
            "slicer.ScriptedLoadableModule": scriptedModule,
        }
    )
    slicer.app = pythonqt.wrap(application.qSlicerApplication(settings))
    slicer.mrmlScene = slicer.app.mrmlScene()
    slicer.modules = SimpleNamespace()
    return slicer.app
