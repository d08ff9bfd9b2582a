"""``slicer.parameterNodeWrapper``, as far as the module uses it: typed parameters of a real MRML node, and the panel.

slicer-core does not bring Slicer's own, which needs PythonQt.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import slicer
import vtk


@dataclass(frozen=True)
class Default:
    """What a parameter is before it was set."""

    value: object


@dataclass(frozen=True)
class Choice:
    """The values that are possible."""

    choices: Sequence

    def check(self, value: object) -> None:
        """Raise ``ValueError`` for any other."""
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class WithinRange:
    """Limits."""

    minimum: float
    maximum: float = float("inf")

    def check(self, value: float) -> None:
        """Raise ``ValueError`` outside of them."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} to {self.maximum}")


class Minimum(WithinRange):
    """A lower limit."""


_READ = {bool: lambda text: text == "True", int: int, float: float, str: str}
_ACCEPTED = {bool: bool, int: int, float: (int, float), str: str}


class _Parameter:
    """A typed value under a dotted name, written as Slicer writes it."""

    def __init__(self, annotated: object, name: str) -> None:
        self.kind, *self._annotations = typing.get_args(annotated) or (annotated,)
        self._name, self._isNode = name, issubclass(self.kind, slicer.vtkMRMLNode)
        given = [one.value for one in self._annotations if isinstance(one, Default)]
        self._default = given[0] if given else None if self._isNode else self.kind()

    def read(self, node: slicer.vtkMRMLNode) -> object:
        if not node.HasParameter(self._name):
            self.write(node, self._default)
        return node.GetNodeReference(self._name) if self._isNode else _READ[self.kind](node.GetParameter(self._name))

    def write(self, node: slicer.vtkMRMLNode, value: object) -> None:
        accepted = (self.kind, type(None)) if self._isNode else _ACCEPTED[self.kind]
        if not isinstance(value, accepted):
            raise ValueError(f"{self._name} does not take {value!r}")
        for one in self._annotations:
            if isinstance(one, (Choice, WithinRange)):
                one.check(value)
        with slicer.util.NodeModify(node):
            node.SetParameter(self._name, "" if self._isNode else str(value))
            if self._isNode:
                node.SetNodeReferenceID(self._name, value.GetID() if value is not None else None)


def parameterPack(described: type) -> type:
    """Parameters that belong together."""
    described._isPack = True
    return described


def parameterNodeWrapper(described: type) -> type:
    """The class of which an instance reads from and writes to the node that it is given."""
    parameters, packs = {}, {}
    for name, kind in typing.get_type_hints(described, include_extras=True).items():
        if getattr(kind, "_isPack", False):
            for member, memberKind in typing.get_type_hints(kind, include_extras=True).items():
                parameters[f"{name}.{member}"] = _Parameter(memberKind, f"{name}.{member}")
            packs[name] = kind
        else:
            parameters[name] = _Parameter(kind, name)
    return type(described.__name__, (_Wrapped,), {"_parameters": parameters, "_packs": packs})


class _Members:
    """Attributes that stand for parameters; there are no others."""

    def __init__(self, wrapped: _Wrapped, prefix: str) -> None:
        object.__setattr__(self, "_wrapped", wrapped)
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._wrapped.getValue(self._prefix + name)

    def __setattr__(self, name: str, value: object) -> None:
        self._wrapped.setValue(self._prefix + name, value)


class _Wrapped:
    def __init__(self, node: slicer.vtkMRMLNode) -> None:
        object.__setattr__(self, "parameterNode", node)
        object.__setattr__(self, "_guis", {})
        with slicer.util.NodeModify(node):
            for parameter in self._parameters.values():
                parameter.read(node)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Members(self, f"{name}.") if name in self._packs else self.getValue(name)

    def __setattr__(self, name: str, value: object) -> None:
        self.setValue(name, value)

    def getValue(self, name: str) -> object:
        if name not in self._parameters:
            raise AttributeError(f"There is no parameter {name}")
        return self._parameters[name].read(self.parameterNode)

    def setValue(self, name: str, value: object) -> None:
        if name not in self._parameters:
            raise AttributeError(f"There is no parameter {name}")
        self._parameters[name].write(self.parameterNode, value)

    def connectGui(self, ui: object) -> int:
        """Let the widgets that name a parameter follow it, and it follow them, until ``disconnectGui``."""
        gui = _Gui(self, {widget.property("SlicerParameterName"): widget for widget in vars(ui).values()})
        tag = max(self._guis, default=-1) + 1
        self._guis[tag] = gui
        return tag

    def disconnectGui(self, tag: int) -> None:
        self._guis.pop(tag).disconnect()


class _Gui:
    """Widgets by the name of their parameter."""

    def __init__(self, wrapped: _Wrapped, widgets: dict) -> None:
        self._wrapped, self._writing = wrapped, False
        self._widgets = {name: widget for name, widget in widgets.items() if name}
        self._slots: dict[str, Callable] = {}
        for name, widget in self._widgets.items():
            kind = wrapped._parameters[name].kind
            if issubclass(kind, slicer.vtkMRMLNode):
                widget.nodeTypes = [kind.__name__]
            self._show(name)
            self._slots[name] = lambda *, name=name: self._take(name)
            getattr(widget, self._how(widget)[1]).connect(self._slots[name])
        node = wrapped.parameterNode
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._showAll())

    def disconnect(self) -> None:
        self._wrapped.parameterNode.RemoveObserver(self._tag)
        for name, slot in self._slots.items():
            getattr(self._widgets[name], self._how(self._widgets[name])[1]).disconnect(slot)

    def _how(self, widget: object) -> tuple[str, str]:
        """The property that holds the value, and the signal that tells of a new one."""
        known = {
            "QCheckBox": ("checked", "stateChanged"),
            "QSpinBox": ("value", "valueChanged"),
            "QDoubleSpinBox": ("value", "valueChanged"),
            "qMRMLNodeComboBox": ("currentNode", "currentNodeChanged"),
        }
        if widget.className() not in known:
            raise RuntimeError(f"No way to connect {widget.className()} {widget.name} with a parameter")
        return known[widget.className()]

    def _showAll(self) -> None:
        if not self._writing:
            self._writing = True
            for name in self._widgets:
                self._show(name)
            self._writing = False

    def _show(self, name: str) -> None:
        widget, value = self._widgets[name], self._wrapped.getValue(name)
        if self._how(widget)[0] == "currentNode":
            widget.setCurrentNode(value)
        else:
            setattr(widget, self._how(widget)[0], value)

    def _take(self, name: str) -> None:
        if self._writing:
            return
        value = getattr(self._widgets[name], self._how(self._widgets[name])[0])
        self._wrapped.setValue(name, value() if callable(value) else value)
