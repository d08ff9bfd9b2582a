"""Keeps the panel as high as its lines need, wrapped as they are."""

from __future__ import annotations

import qt


class PanelHeight(qt.QObject):
    """Watches the layout of ``panel``, and gives it the height that it needs at its width.

    Slicer's module panel asks a module for that once for each width after another module was open: it takes the widget
    out of its layout without an end of the layout's item, whose sizes are then never renewed. Rows would be squashed.
    """

    def __init__(self, panel) -> None:
        super().__init__()
        self._panel = panel
        panel.installEventFilter(self)

    def eventFilter(self, widget, event) -> bool:
        """Follow changes of the width and of what the panel holds."""
        if event.type() in (qt.QEvent.LayoutRequest, qt.QEvent.Resize):
            needed = self._panel.heightForWidth(self._panel.width)
            if needed >= 0 and needed != self._panel.minimumHeight:
                self._panel.minimumHeight = needed
        return False

    def stop(self) -> None:
        """Leave the panel alone."""
        self._panel.removeEventFilter(self)
