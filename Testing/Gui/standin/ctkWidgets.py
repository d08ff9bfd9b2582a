"""The widgets of CTK that the panel has, with the properties and signals that it uses."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A title that shows and hides what is below it."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._explicitlyHidden: set[QtCore.QObject] = set()
        self._forcing = False
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self._header = self.fontMetrics().height() + 10
        self.setContentsMargins(0, self._header, 0, 0)
        self.toggled.connect(self._onToggled)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        """Watch whether children are shown and hidden by others."""
        if event.added() and event.child().isWidgetType():
            event.child().installEventFilter(self)
        super().childEvent(event)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Keep in mind what others hide, and hide what they show while collapsed."""
        if not self._forcing and event.type() == QtCore.QEvent.Type.HideToParent:
            self._explicitlyHidden.add(child)
        elif not self._forcing and event.type() == QtCore.QEvent.Type.ShowToParent:
            self._explicitlyHidden.discard(child)
            if not self.isChecked():
                self._show(child, False)
        return False

    def sizeHint(self) -> QtCore.QSize:
        """The title, and what is below it."""
        hint = self._title()
        return hint.expandedTo(self.layout().totalSizeHint()) if self.layout() and self.isChecked() else hint

    def minimumSizeHint(self) -> QtCore.QSize:
        """The title, and what is below it at its narrowest."""
        hint = self._title()
        return hint.expandedTo(self.layout().totalMinimumSize()) if self.layout() and self.isChecked() else hint

    def hitButton(self, place: QtCore.QPoint) -> bool:
        """Only the title can be clicked."""
        return place.y() <= self._header

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Paint the title."""
        painter = QtWidgets.QStylePainter(self)
        painter.fillRect(0, 0, self.width(), self._header, self.palette().midlight())
        arrow = "\N{BLACK DOWN-POINTING SMALL TRIANGLE}" if self.isChecked() else "\N{BLACK RIGHT-POINTING POINTER}"
        painter.drawText(8, self._header - 9, f"{arrow}  {self.text()}")

    def _title(self) -> QtCore.QSize:
        return QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 40, self._header)

    def _onToggled(self, open_: bool) -> None:
        for child in self.children():
            if child.isWidgetType() and child not in self._explicitlyHidden:
                self._show(child, open_)
        self.setMaximumHeight(16777215 if open_ else self._header)
        self.updateGeometry()
        self.contentsCollapsed.emit(not open_)

    def _show(self, child: QtWidgets.QWidget, shown: bool) -> None:
        self._forcing = True
        child.setVisible(shown)
        self._forcing = False


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box."""

    valueChanged = Signal(float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box, self._slider = QtWidgets.QDoubleSpinBox(), QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, 1000)
        _row(self, self._slider, self._box)
        self._slider.valueChanged.connect(self._onSlider)
        self._box.valueChanged.connect(self._onBox)

    value = Property(float, lambda self: self._box.value(), lambda self, value: self._box.setValue(value))
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, value: self._box.setMinimum(value))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, value: self._box.setMaximum(value))
    singleStep = Property(float, lambda self: self._box.singleStep(), lambda self, step: self._box.setSingleStep(step))
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, count: self._box.setDecimals(count))
    suffix = Property(str, lambda self: self._box.suffix(), lambda self, text: self._box.setSuffix(text))

    def setSpinBoxVisible(self, visible: bool) -> None:
        """Show or hide the number."""
        self._box.setVisible(visible)

    def _onSlider(self, place: int) -> None:
        low, high = self._box.minimum(), self._box.maximum()
        self._box.setValue(low + (high - low) * place / 1000)

    def _onBox(self, value: float) -> None:
        low, high = self._box.minimum(), self._box.maximum()
        self._slider.blockSignals(True)
        self._slider.setValue(round(1000 * (value - low) / max(high - low, 1e-9)))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)


class ctkRangeWidget(QtWidgets.QWidget):
    """Two numbers within limits, the first not above the second."""

    valuesChanged = Signal(float, float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._limits, self._values = [0.0, 99.0], (0.0, 99.0)
        self._boxes = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        _row(self, *self._boxes)
        self._show()
        self._boxes[0].valueChanged.connect(lambda value: self.setValues(value, max(value, self._values[1])))
        self._boxes[1].valueChanged.connect(lambda value: self.setValues(min(value, self._values[0]), value))

    def setValues(self, first: float, last: float) -> None:
        """Set both; told once, where one of them is another now."""
        low, high = self._limits
        values = tuple(round(min(max(value, low), high), self.decimals) for value in sorted((first, last)))
        if values != self._values:
            self._values = values
            self._show()
            self.valuesChanged.emit(*values)

    def _setFirst(self, value: float) -> None:
        self.setValues(min(value, self._values[1]), self._values[1])

    def _setLast(self, value: float) -> None:
        self.setValues(self._values[0], max(value, self._values[0]))

    def _setLimit(self, end: int, value: float) -> None:
        self._limits[end] = value
        self._limits[1 - end] = (min if end else max)(self._limits[1 - end], value)
        self.setValues(*self._values)
        self._show()

    def _setDecimals(self, count: int) -> None:
        for box in self._boxes:
            box.setDecimals(count)

    def _setSingleStep(self, step: float) -> None:
        for box in self._boxes:
            box.setSingleStep(step)

    def _setSuffix(self, text: str) -> None:
        for box in self._boxes:
            box.setSuffix(text)

    def _show(self) -> None:
        for box, value in zip(self._boxes, self._values, strict=True):
            box.blockSignals(True)
            box.setRange(*self._limits)
            box.setValue(value)
            box.blockSignals(False)

    minimum = Property(float, lambda self: self._limits[0], lambda self, value: self._setLimit(0, value))
    maximum = Property(float, lambda self: self._limits[1], lambda self, value: self._setLimit(1, value))
    minimumValue = Property(float, lambda self: self._values[0], lambda self, value: self._setFirst(value))
    maximumValue = Property(float, lambda self: self._values[1], lambda self, value: self._setLast(value))
    decimals = Property(int, lambda self: self._boxes[0].decimals(), _setDecimals)
    singleStep = Property(float, lambda self: self._boxes[0].singleStep(), _setSingleStep)
    suffix = Property(str, lambda self: self._boxes[0].suffix(), _setSuffix)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path, typed or chosen."""

    currentPathChanged = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._edit, self._filters, self._nameFilters = QtWidgets.QLineEdit(), 0, []
        _row(self, self._edit, QtWidgets.QToolButton())
        self._edit.textChanged.connect(self.currentPathChanged)

    currentPath = Property(str, lambda self: self._edit.text(), lambda self, path: self._edit.setText(path))
    filters = Property(int, lambda self: self._filters, lambda self, value: setattr(self, "_filters", value))
    nameFilters = Property(
        "QStringList", lambda self: self._nameFilters, lambda self, value: setattr(self, "_nameFilters", value)
    )


def _row(widget: QtWidgets.QWidget, *parts: QtWidgets.QWidget) -> None:
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


WIDGETS = (ctkCollapsibleButton, ctkSliderWidget, ctkRangeWidget, ctkPathLineEdit)
