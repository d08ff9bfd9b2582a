"""``slicer.ScriptedLoadableModule``, as far as the module uses it, and how Slicer opens a scripted module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import slicer
from PySide6 import QtWidgets

from .pythonqt import Wrapper, wrap


class ScriptedLoadableModule:
    """What the module says about itself."""

    def __init__(self, parent: SimpleNamespace) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """The panel's place in the window."""

    def __init__(self, parent: Wrapper | None = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent, self.layout, self.logic = parent, parent.layout(), None

    def setup(self) -> None:
        """The developer's part of the panel is not here."""

    def resourcePath(self, name: str) -> str:
        """The path of a file of the module."""
        return str(Path(sys.modules[self.moduleName].__file__).parent / "Resources" / name)


class ScriptedLoadableModuleLogic:
    """Keeps the module's parameter node."""

    def __init__(self, parent: object = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """The only one, which a new scene gets when it is asked for."""
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetName(self.moduleName)
            node.SetModuleName(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node = scene.AddNode(node)
        return node


class ScriptedLoadableModuleTest:
    """A test that the user can start."""


def openModule(path: Path) -> ScriptedLoadableModuleWidget:
    """Load the module of the file ``path`` and show its panel in the window, as Slicer does."""
    name = path.stem
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    module = sys.modules[name]
    setattr(slicer.modules, name.lower(), getattr(module, name)(SimpleNamespace()))
    place = QtWidgets.QWidget()
    QtWidgets.QVBoxLayout(place)
    widget = getattr(module, f"{name}Widget")(wrap(place))
    setattr(slicer.modules, f"{name}Widget", widget)
    scroll = QtWidgets.QScrollArea(widgetResizable=True)
    scroll.setWidget(place)
    window = slicer.util.mainWindow()._object
    window.setCentralWidget(scroll)
    window.resize(620, 1100)
    window.show()
    widget.setup()
    widget.enter()
    return widget
