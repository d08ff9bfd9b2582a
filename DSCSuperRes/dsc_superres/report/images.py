"""Figures of slices: frames and maps beside their ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from dsc_superres.report.display import View
from dsc_superres.report.style import DIFFERENCE, MUTED, PANEL, TEXT, WIDTH, Box, color_bar, new_figure

PANEL_GAP = 0.06
"""Gap between panels in inches."""
TITLE_HEIGHT = 0.34
"""Height above the panels for the titles in inches."""
LABEL_WIDTH = 0.62
"""Width left of the panels for the row labels in inches."""
OUTLINE = "#4de6ff"
"""Color of the borders of regions."""
BAR_WIDTH = 0.82
"""Width of a color bar with its label in inches."""


@dataclass(frozen=True)
class Panel:
    """One image [y, x] in screen orientation with its colors; ``note`` is printed inside it.

    ``outline`` is bool[y, x]: a region whose border is drawn.
    """

    image: np.ndarray
    cmap: str | Colormap
    low: float
    high: float
    note: str = ""
    outline: np.ndarray | None = None


@dataclass(frozen=True)
class Row:
    """Panels side by side, a label, and the units of the color bars of the main and of the last panel."""

    label: str
    panels: Sequence[Panel]
    unit: str
    difference_unit: str = ""


def montage(titles: Sequence[str], rows: Sequence[Row], view: View, difference: bool = True) -> Figure:
    """Return rows of panels under common titles; with ``difference``, the last column has a color bar of its own.

    All panels have the physical aspect ratio of the slice. Rows with the same scale share their color bars.
    """
    width_mm, height_mm = view.size_mm
    columns = len(titles)
    least_columns = max(columns, 4)  # fewer panels are not drawn larger than usual
    panel_width = (WIDTH - LABEL_WIDTH - 2 * BAR_WIDTH - (least_columns + 1) * PANEL_GAP) / least_columns
    panel_height = panel_width * height_mm / width_mm
    lefts = [
        LABEL_WIDTH + c * (panel_width + PANEL_GAP) + (BAR_WIDTH if difference and c == columns - 1 else 0)
        for c in range(columns)
    ]
    width = lefts[-1] + panel_width + BAR_WIDTH
    height = TITLE_HEIGHT + len(rows) * (panel_height + PANEL_GAP) + 0.08
    bottoms = [height - TITLE_HEIGHT - (r + 1) * (panel_height + PANEL_GAP) + PANEL_GAP for r in range(len(rows))]
    figure = new_figure(width, height)

    def box(left: float, bottom: float, box_width: float, box_height: float) -> Box:
        return left / width, bottom / height, box_width / width, box_height / height

    for left, title in zip(lefts, titles, strict=True):
        x, y = (left + panel_width / 2) / width, (height - TITLE_HEIGHT * 0.62) / height
        figure.text(x, y, title, color=TEXT, fontsize=10.5, ha="center")
    for row, bottom in zip(rows, bottoms, strict=True):
        middle = (bottom + panel_height / 2) / height
        figure.text(
            0.5 * LABEL_WIDTH / width, middle, row.label, color=TEXT, fontsize=10, rotation=90, ha="center", va="center"
        )
        for panel, left in zip(row.panels, lefts, strict=True):
            _draw(figure, box(left, bottom, panel_width, panel_height), panel, view, letters=panel is rows[0].panels[0])
    for c in (columns - 2, columns - 1) if difference else (columns - 1,):
        left = lefts[c] + panel_width + 0.07
        shared = len({(row.panels[c].low, row.panels[c].high) for row in rows}) == 1
        spans = [(bottoms[-1], bottoms[0] + panel_height)] if shared else [(b, b + panel_height) for b in bottoms]
        for row, (low, box_height) in zip(rows, spans, strict=False):
            inset = (box_height - low) * (0.25 if shared else 0.12)
            panel, unit = row.panels[c], row.difference_unit if difference and c == columns - 1 else row.unit
            place = box(left, low + inset, 0.085, box_height - low - 2 * inset)
            color_bar(figure, place, panel.cmap, (panel.low, panel.high), unit)
    return figure


def _draw(figure: Figure, box: Box, panel: Panel, view: View, letters: bool) -> None:
    axes = figure.add_axes(box)
    axes.set_facecolor(PANEL)
    axes.imshow(
        panel.image, cmap=panel.cmap, vmin=panel.low, vmax=panel.high, extent=view.extent, interpolation="nearest"
    )
    if panel.outline is not None and panel.outline.any():
        _draw_outline(axes, panel.outline, view)
    axes.set_axis_off()
    style = {"transform": axes.transAxes, "fontsize": 8, "color": MUTED}
    if panel.note:
        axes.text(0.03, 0.03, panel.note, **style)
    if letters:
        left, right, top, _ = view.letters
        axes.text(0.02, 0.5, left, va="center", **style)
        axes.text(0.98, 0.5, right, va="center", ha="right", **style)
        axes.text(0.5, 0.98, top, va="top", ha="center", **style)


def _draw_outline(axes: Axes, region: np.ndarray, view: View) -> None:
    """Draw the border of ``region`` bool[y, x] in screen orientation."""
    left, right, bottom, top = view.extent
    rows, columns = region.shape
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    axes.contour(x, y, region, [0.5], colors=[OUTLINE], linewidths=0.8)


def difference_panel(values: np.ndarray, limit: float, note: str = "") -> Panel:
    """Return a signed difference in colors that are symmetric about zero."""
    return Panel(values, DIFFERENCE, -limit, limit, note)


def round_limit(values: np.ndarray, percentile: float = 99.5) -> float:
    """Return a round number that nearly all of |values| stay below: 1, 1.5, 2, 3, 5 or 7 times a power of ten."""
    target = float(np.percentile(np.abs(values), percentile)) if values.size else 0.0
    if not target > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(target))
    return float(next(step * power for step in (1, 1.5, 2, 3, 5, 7, 10) if step * power >= target * 0.999))
