"""Qt as PythonQt shows it to Python inside Slicer, on PySide6: what only PySide can do fails here as it fails there.

Properties are attributes, signals are connected by their C++ signature or by name, enumerators are integers, lists come
back as tuples, and an exception in a slot is handed to ``sys.excepthook`` instead of to whoever clicked.
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
import weakref
from collections.abc import Callable

import shiboken6
from PySide6 import QtCore

Native = shiboken6.Shiboken.Object
_classes: dict[type, type] = {}


class EnumValue(int):
    """An enumerator: an integer that PySide also takes where it insists on its own."""

    def __new__(cls, native: enum.Enum) -> EnumValue:
        number = native.value if isinstance(native.value, int) else 0
        value = super().__new__(cls, number)
        value.native = native
        return value


class ClassWrapper(type):
    """Class attributes: enumerators, whole enumerations, static methods."""

    def __getattr__(cls, name: str) -> object:
        native = None if name.startswith("_") else getattr(cls._native, name, None)
        if isinstance(native, enum.Enum):
            return EnumValue(native)
        if isinstance(native, enum.EnumMeta):
            return type(name, (), {each.name: EnumValue(each) for each in native})
        if callable(native):
            return _Method(cls.__name__, name, native)
        raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")


class Wrapper(metaclass=ClassWrapper):
    """An object of Qt. ``_object`` is PySide's; it dies with this one where it has no parent."""

    _native: type = Native

    def __init__(self, *arguments: object, **keywords: object) -> None:
        kind = type(self).__name__
        _adopt(self, _Method(kind, kind, _overridden(self)).call(arguments, keywords))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wrapper) and self._object == other._object

    def __hash__(self) -> int:
        return hash(self._object)

    def __bool__(self) -> bool:
        return shiboken6.isValid(self._object)

    def __repr__(self) -> str:
        return f"{type(self).__name__} (stand-in at {id(self):#x})"

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        native = self._living(name)
        name = "objectName" if name == "name" else name.rstrip("_") or name
        if isinstance(native, QtCore.QObject):
            if _metaProperty(native, name) is not None:
                return wrap(native.property(name))
            if name in _QOBJECT:
                return _QOBJECT[name].__get__(self)
        found = getattr(native, name, None)
        if isinstance(found, QtCore.SignalInstance):
            return Signal(self, name)
        if isinstance(found, enum.Enum):
            return EnumValue(found)
        if not callable(found):
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")
        return _Method(type(self).__name__, name, found)

    def __setattr__(self, name: str, value: object) -> None:
        native, kind = self._living(name), type(self).__name__
        name = "objectName" if name == "name" else name
        metaProperty = _metaProperty(native, name) if isinstance(native, QtCore.QObject) else None
        if metaProperty is None and _isSubclass(type(self)):
            object.__setattr__(self, name, value)
            return
        if metaProperty is None:
            if callable(getattr(native, name, None)):
                raise AttributeError(f"Slot '{name}' can not be overwritten on {kind} object")
            reason = "and creating new attributes on C++ objects is not allowed"
            raise AttributeError(f"'{name}' does not exist on {kind} {reason}")
        if not metaProperty.isWritable():
            raise AttributeError(f"Property '{name}' of {kind} object is not writable")
        try:
            accepted = native.setProperty(name, _converted(value, metaProperty))
        except (TypeError, ValueError):
            accepted = False
        if not accepted:
            what = f"an object of type {type(value).__name__} ({value!r})"
            raise AttributeError(f"Property '{name}' of type '{metaProperty.typeName()}' does not accept {what}")

    def _living(self, name: str) -> Native:
        if not shiboken6.isValid(self._object):
            raise ValueError(f"Trying to access '{name}' of a destroyed {type(self).__name__} object")
        return self._object


class _Method:
    """A method or constructor, which knows no keywords."""

    def __init__(self, kind: str, name: str, native: Callable) -> None:
        self._kind, self._name, self._native = kind, name, native

    def __call__(self, *arguments: object, **keywords: object) -> object:
        return wrap(self.call(arguments, keywords))

    def call(self, arguments: tuple, keywords: dict) -> object:
        """What PySide returns."""
        called = f"Called {self._kind}.{self._name}"
        if keywords:
            raise ValueError(f"{called} with keyword arguments, but called slot does not support kwargs.")
        try:
            return self._native(*(unwrap(argument) for argument in arguments))
        except TypeError as error:
            if error.__traceback__.tb_next is not None:  # not the call itself: something that it called
                raise
            raise ValueError(f"{called} with wrong arguments: {arguments}") from error


class Signal:
    """``widget.clicked``: all that the signal carries is passed on."""

    def __init__(self, sender: Wrapper, name: str) -> None:
        self._sender, self._name = sender, name

    def connect(self, slot: Callable) -> bool:
        """Call ``slot`` from now on."""
        return _connect(self._sender._object, self._name, slot, None)

    def disconnect(self, slot: Callable) -> bool:
        """Call it no more."""
        return _disconnect(self._sender._object, self._name, slot)

    def __call__(self, *arguments: object) -> None:
        getattr(self._sender._object, self._name).emit(*(unwrap(argument) for argument in arguments))


def wrap(value: object) -> object:
    """What Python inside Slicer sees of ``value``, which comes from PySide."""
    if isinstance(value, enum.Enum):
        return EnumValue(value)
    if isinstance(value, (list, tuple)):
        return tuple(wrap(each) for each in value)
    if not isinstance(value, Native):
        return value
    known = getattr(value, "_wrapper", lambda: None)() if isinstance(value, QtCore.QObject) else None
    if known is not None:
        return known
    wrapper = object.__new__(wrapClass(type(value)))
    _adopt(wrapper, value)
    return wrapper


def unwrap(value: object) -> object:
    """What PySide is given for ``value``."""
    if isinstance(value, Wrapper):
        return value._living("argument")
    return value.native if isinstance(value, EnumValue) else value


def wrapClass(native: type) -> type:
    """The class of Qt, or one made for these tests, as modules see it. None of them is a base of another."""
    if native not in _classes:
        _classes[native] = ClassWrapper(native.__name__, (Wrapper,), {"_native": native})
    return _classes[native]


def _isSubclass(kind: type) -> bool:
    """Whether a class of Qt was extended in Python, where objects may have attributes of their own."""
    return "_native" not in vars(kind)


def _overridden(wrapper: Wrapper) -> type:
    """The class of Qt for a new ``wrapper``: one that calls its event filter, if it has one."""
    native = wrapper._native
    if not _isSubclass(type(wrapper)) or "eventFilter" not in vars(type(wrapper)):
        return native

    class Filtering(native):
        def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
            living = getattr(self, "_wrapper", lambda: None)()
            return living.eventFilter(wrap(watched), wrap(event)) if living is not None else False

    return Filtering


def _methods(sender: QtCore.QObject, name: str) -> list[QtCore.QMetaMethod]:
    meta = sender.metaObject()
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return [method for method in methods if method.name().data().decode() == name]


def _adopt(wrapper: Wrapper, native: Native) -> None:
    """There is one wrapper for each QObject, as long as somebody keeps it."""
    object.__setattr__(wrapper, "_object", native)
    if isinstance(native, QtCore.QObject):
        native._wrapper = weakref.ref(wrapper)


def _metaProperty(native: QtCore.QObject, name: str) -> QtCore.QMetaProperty | None:
    index = native.metaObject().indexOfProperty(name)
    return native.metaObject().property(index) if index >= 0 else None


def _converted(value: object, metaProperty: QtCore.QMetaProperty) -> object:
    """``value`` as the property takes it: numbers become each other and everything a text, but no text a number."""
    kind = metaProperty.typeName()
    if kind == "bool":
        return bool(value)
    if kind in ("int", "double"):
        if not isinstance(value, (int, float)):
            raise TypeError(kind)
        return int(value) if kind == "int" else float(value)
    if kind == "QStringList":
        return list(value)
    return str(value) if kind == "QString" else unwrap(value)


def _connect(sender: QtCore.QObject, name: str, slot: Callable, count: int | None) -> bool:
    """``count`` is how many values the signature names; None for all that there are."""

    def receive(*values: object) -> None:
        passed = [wrap(value) for value in values[:count]]
        try:
            slot(*passed[: _parameters(slot)])
        except Exception:
            sys.excepthook(*sys.exc_info())

    # PySide goes by the receiver's parameters, and passes nothing of ``clicked(bool)`` to a mere ``*values``.
    carried = max(method.parameterCount() for method in _methods(sender, name))
    receivers = (lambda: receive(), lambda a: receive(a), lambda a, b: receive(a, b), lambda a, b, c: receive(a, b, c))
    receive.connected = receivers[carried]
    getattr(sender, name).connect(receive.connected)
    if not hasattr(sender, "_slots"):
        sender._slots = []
    sender._slots.append((name, slot, receive))
    return True


def _disconnect(sender: QtCore.QObject, name: str, slot: Callable) -> bool:
    for each in getattr(sender, "_slots", []):
        if each[:2] == (name, slot):
            getattr(sender, name).disconnect(each[2].connected)
            sender._slots.remove(each)
            return True
    return False


def _parameters(slot: Callable) -> int | None:
    """How many values a function is passed: as many as it has positional parameters, those with defaults too."""
    if not (inspect.isfunction(slot) or inspect.ismethod(slot)):
        return None
    code = (slot.__func__ if inspect.ismethod(slot) else slot).__code__
    return None if code.co_flags & inspect.CO_VARARGS else code.co_argcount - inspect.ismethod(slot)


def _signal(sender: Wrapper, signature: str) -> tuple[str, int] | None:
    """The name and the number of values of a signal; None, with a line on standard error, where there is no such."""
    native = sender._living(signature)
    name, inside = re.fullmatch(r"(\w+)\((.*)\)", signature.replace(" ", "")).groups() if "(" in signature else ("", "")
    declared = getattr(native, "SIGNALS", ())
    normalized = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
    if signature not in declared and native.metaObject().indexOfSignal(normalized) < 0:
        message = f"PythonQt: QObject::connect() signal '{signature}' does not exist on {type(sender).__name__}"
        print(message, file=sys.stderr)
        missingSignals.append(message)
        return None
    return name, len(inside.split(",")) if inside else 0


missingSignals: list[str] = []
"""Signatures that were asked for and do not exist: Slicer only prints a line, tests fail."""


def _connectSignature(self: Wrapper, signature: str, slot: Callable) -> bool:
    found = _signal(self, signature)
    return found is not None and _connect(self._object, found[0], slot, found[1])


def _disconnectSignature(self: Wrapper, signature: str, slot: Callable) -> bool:
    found = _signal(self, signature)
    return found is not None and _disconnect(self._object, found[0], slot)


def _className(self: Wrapper) -> str:
    return self._object.metaObject().className()


def _delete(self: Wrapper) -> None:
    shiboken6.delete(self._object)


_QOBJECT = {
    "connect": _connectSignature,
    "disconnect": _disconnectSignature,
    "className": _className,
    "delete": _delete,
}
"""What PythonQt adds to, or does otherwise with, every QObject."""
