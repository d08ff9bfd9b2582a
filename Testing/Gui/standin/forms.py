"""Loads .ui files, and is stricter about it than Slicer: what a form names has to exist."""

from __future__ import annotations

from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import ctkWidgets, mrmlWidgets
from .pythonqt import Wrapper, wrap

CUSTOM = {widget.__name__: widget for widget in (*ctkWidgets.WIDGETS, *mrmlWidgets.WIDGETS)}


class QUiLoader:
    """``qt.QUiLoader``, as far as ``slicer.util.loadUI`` uses it."""

    def load(self, file: Wrapper) -> Wrapper:
        """The widget that the form in ``file`` describes. Raises ``ValueError`` where it names what is not there."""
        form = ElementTree.fromstring(file._object.readAll().data())
        unknown = {each.findtext("class") for each in form.iter("customwidget")} - CUSTOM.keys()
        if unknown:
            raise ValueError(f"The stand-in has no {', '.join(sorted(unknown))}")
        connections = form.find("connections")
        if connections is not None:
            form.remove(connections)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(form))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = _Loader().load(buffer)
        _checkProperties(form, widget)
        for connection in connections if connections is not None else ():
            _connect(widget, *(connection.findtext(part) for part in ("sender", "signal", "receiver", "slot")))
        return wrap(widget)


class _Loader(QtUiTools.QUiLoader):
    def createWidget(self, kind: str, parent: QtWidgets.QWidget | None = None, name: str = "") -> QtWidgets.QWidget:
        if kind not in CUSTOM:
            return super().createWidget(kind, parent, name)
        widget = CUSTOM[kind](parent)
        widget.setObjectName(name)
        return widget


def _find(widget: QtWidgets.QWidget, name: str) -> QtWidgets.QWidget:
    found = widget if widget.objectName() == name else widget.findChild(QtWidgets.QWidget, name)
    if found is None:
        raise ValueError(f"The form has no widget {name}")
    return found


def _checkProperties(form: ElementTree.Element, widget: QtWidgets.QWidget) -> None:
    for described in form.iter("widget"):
        found = _find(widget, described.get("name"))
        for each in described.findall("property"):
            name = each.get("name")
            if each.get("stdset") != "0" and found.metaObject().indexOfProperty(name) < 0:
                raise ValueError(f"{described.get('class')} {described.get('name')} has no property {name}")


def _connect(widget: QtWidgets.QWidget, sender: str, signal: str, receiver: str, slot: str) -> None:
    source, method = _find(widget, sender), slot.partition("(")[0]
    if signal not in source.SIGNALS or signal.partition("(")[2] != slot.partition("(")[2]:
        raise ValueError(f"{signal} of {sender} cannot be connected with {slot} of {receiver}")
    getattr(source, signal.partition("(")[0]).connect(getattr(_find(widget, receiver), method))
