"""One look for all figures: dark panels, as at a reading station, that sit well on light and dark pages."""

from __future__ import annotations

import base64
import io

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

WIDTH = 11.2
"""Inches of every figure, so that all texts have one size on the page."""
Box = tuple[float, float, float, float]
PANEL, TEXT, MUTED, LINE = "#0d1013", "#e8eaed", "#98a2ab", "#2b3238"
NAMES = {
    "truth": "Ground truth",
    "ode-liif": "ODE-LIIF",
    "ode-liif-plus": "ODE-LIIF plus",
    "liif-linear": "LIIF, linear in time",
    "static-detail": "Static detail",
    "videoinr": "VideoINR",
    "backprojection": "Back-projection",
    "pchip": "PCHIP",
    "cubic": "Cubic",
    "linear": "Linear",
}
COLOURS = {
    "truth": "#f2f4f5",
    "ode-liif": "#56b4e9",
    "backprojection": "#e69f00",
    "pchip": "#cc79a7",
    "cubic": "#2fb98b",
    "linear": "#8e99a3",
}
DIFFERENCE = LinearSegmentedColormap.from_list(
    "difference", ["#a8e1ff", "#2f93dc", "#17507f", PANEL, "#84401c", "#e0662a", "#ffd9a3"]
)
"""For signed differences: blue below, orange above, and as dark as the panel at zero, where nothing is to be seen."""


def model_name(model: str) -> str:
    """The name of a model for people."""
    return NAMES.get(model, model)


def model_color(model: str) -> str:
    """The colour of a model in every figure; a network from a file has ODE-LIIF's."""
    return COLOURS.get(model, COLOURS["ode-liif"])


def new_figure(width: float, height: float) -> Figure:
    """An empty dark figure of ``width`` x ``height`` inches."""
    return Figure(figsize=(width, height), facecolor=PANEL)


def style_plot(axes: Axes, x_label: str = "", y_label: str = "", title: str = "") -> None:
    """Make a plot quiet: light text, no box, a faint grid."""
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(x_label, color=MUTED, fontsize=8)
    axes.set_ylabel(y_label, color=MUTED, fontsize=8)
    axes.set_title(title, color=TEXT, fontsize=10, loc="left")


def color_bar(figure: Figure, box: Box, cmap: str | Colormap, limits: tuple[float, float], label: str) -> None:
    """A vertical colour bar with its unit in ``box`` (left, bottom, width, height as shares of the figure)."""
    axes = figure.add_axes(box)
    bar = figure.colorbar(ScalarMappable(Normalize(*limits), cmap), cax=axes)
    bar.outline.set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    bar.set_label(label, color=MUTED, fontsize=8)


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """A PNG as text that a page can hold."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
