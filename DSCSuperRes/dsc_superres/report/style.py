"""The common style of all figures: dark panels, as at a reading station, for light and dark pages."""

from __future__ import annotations

import base64
import io

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from dsc_superres.errors import ModelError
from dsc_superres.models import DEFAULT_MODEL, ModelEntry, find
from dsc_superres.version import SOFTWARE

WIDTH = 11.2
"""Width of every figure in inches, so that all texts have the same size on the page."""
Box = tuple[float, float, float, float]
PANEL = "#0d1013"
TEXT = "#e8eaed"
MUTED = "#98a2ab"
LINE = "#2b3238"
TRUTH = "truth"
TRUTH_TITLE = "Ground truth"
TRUTH_COLOR = "#f2f4f5"
DIFFERENCE = LinearSegmentedColormap.from_list(
    "difference", ["#a8e1ff", "#2f93dc", "#17507f", PANEL, "#84401c", "#e0662a", "#ffd9a3"]
)
"""Colors of signed differences: blue below, orange above, and as dark as the panel at zero."""


def model_name(model: str) -> str:
    """Return the title of a model or of the ground truth; for a file of weights, its name."""
    if model == TRUTH:
        return TRUTH_TITLE
    entry = _entry(model)
    return entry.title if entry else model


def model_color(model: str) -> str:
    """Return the color of a model or of the ground truth in all figures; a file has that of the default model."""
    if model == TRUTH:
        return TRUTH_COLOR
    return (_entry(model) or find(DEFAULT_MODEL)).color


def _entry(model: str) -> ModelEntry | None:
    """Return the catalog entry of a registered name, or None: a network from a file has the name of its file."""
    if model.endswith(".safetensors"):
        return None
    try:
        return find(model)
    except ModelError:
        return None


def new_figure(width: float, height: float) -> Figure:
    """Return an empty dark figure of ``width`` x ``height`` inches."""
    return Figure(figsize=(width, height), facecolor=PANEL)


def style_plot(axes: Axes, x_label: str = "", y_label: str = "", title: str = "") -> None:
    """Give a plot light text, no box, and a faint grid."""
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
    """Draw a vertical color bar with its unit in ``box`` (left, bottom, width, height as shares of the figure)."""
    axes = figure.add_axes(box)
    bar = figure.colorbar(ScalarMappable(Normalize(*limits), cmap), cax=axes)
    bar.outline.set_visible(False)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    bar.set_label(label, color=MUTED, fontsize=8)


def png(figure: Figure, dpi: int = 160) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor=figure.get_facecolor(), metadata={"Software": SOFTWARE})
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as a data URI for embedding in a page."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
