"""Pictures of what is on the screen: the window, and each slice view."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import slicer


def takeScreenshots(folder: Path) -> Iterator[float]:
    """Save window.png and a PNG for each slice view into ``folder``; nothing without a main window."""
    window, layout = slicer.util.mainWindow(), slicer.app.layoutManager()
    if window is None or layout is None:
        return
    folder.mkdir()
    window.grab().save(str(folder / "window.png"))
    yield 0.5
    for name in layout.sliceViewNames():
        view = layout.sliceWidget(name).sliceView()
        if view.visible:
            view.grab().save(str(folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}.png"))
            yield 0.8
