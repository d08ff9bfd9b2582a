"""Screenshots of the window and of each slice view."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import slicer

QUALITY = 85
"""Quality of PNG, which is lossless: higher values compress faster and less."""


def takeScreenshots(folder: Path) -> Iterator[float]:
    """Save window.png and a PNG for each slice view into ``folder``; nothing without a main window."""
    window, layout = slicer.util.mainWindow(), slicer.app.layoutManager()
    if window is None or layout is None:
        return
    folder.mkdir()
    yield from _take(window, folder / "window.png")
    for name in layout.sliceViewNames():
        view = layout.sliceWidget(name).sliceView()
        if view.visible:
            yield from _take(view, folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}.png")


def _take(widget, path: Path) -> Iterator[float]:
    picture = widget.grab()
    yield 0.5
    picture.save(str(path), "PNG", QUALITY)
    yield 0.5
