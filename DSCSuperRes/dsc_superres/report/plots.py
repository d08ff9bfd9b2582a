"""Plots: signal over time in regions, and image quality of each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsc_superres.pipeline.case import Case
from dsc_superres.report.display import View, time_axis_label
from dsc_superres.report.style import LINE, MUTED, PANEL, TEXT, WIDTH, model_color, model_name, new_figure, style_plot
from dsc_superres.series import Series

REGION_COLORS = ("#ff6b6b", "#ffd166", "#06d6a0", "#c792ea")
"""Colors of the regions in image and plots."""


@dataclass(frozen=True)
class Region:
    """A region, bool[z, y, x], whose mean signal is plotted."""

    name: str
    voxels: np.ndarray


def curves(
    truth: Series | None,
    coarse: Series,
    fine: Mapping[str, Series],
    regions: list[Region],
    background: np.ndarray,
    view: View,
    z: int,
) -> Figure:
    """Return the mean signal of each region over time: ground truth (if any), reconstructions and acquired frames.

    ``background`` is the image [y, x] of slice ``z`` on which the regions are outlined; ``fine`` contains the
    reconstructions, the main one first.
    """
    figure = new_figure(WIDTH, 4.6)
    grid = figure.add_gridspec(
        2, 3, width_ratios=(1.15, 1, 1), left=0.02, right=0.985, top=0.87, bottom=0.1, hspace=0.42, wspace=0.2
    )
    _regions_image(figure.add_subplot(grid[:, 0]), regions, background, view, z)
    handles: dict[str, object] = {}
    for number, region in enumerate(regions[:4]):
        axes = figure.add_subplot(grid[number // 2, 1 + number % 2])
        below = number + 2 >= len(regions[:4])
        style_plot(axes, time_axis_label(coarse) if below else "", "signal (a.u.)" if number % 2 == 0 else "")
        axes.set_title(region.name, color=REGION_COLORS[number], fontsize=10, loc="left")
        handles |= _region_curves(axes, truth, coarse, fine, region)
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="upper right",
        ncols=len(handles),
        frameon=False,
        labelcolor=TEXT,
        fontsize=9,
        bbox_to_anchor=(0.99, 1.0),
    )
    return figure


def _region_curves(
    axes: Axes, truth: Series | None, coarse: Series, fine: Mapping[str, Series], region: Region
) -> dict[str, object]:
    """Draw the curves of one region; return the lines by legend label."""

    def plot(series: Series, **style: object) -> object:
        return axes.plot(series.times, series.signal[:, region.voxels].mean(axis=1), **style)[0]

    handles = {}
    if truth is not None:
        handles["Ground truth"] = plot(truth, color=model_color("truth"), linewidth=1.0, alpha=0.9)
    # The main model is drawn last, on top.
    for model, series in reversed(fine.items()):
        main = model == next(iter(fine))
        style = {"linewidth": 2.0, "linestyle": "-"} if main else {"linewidth": 1.2, "linestyle": (0, (4, 2))}
        handles[model_name(model)] = plot(series, color=model_color(model), **style)
    z, y, x = np.nonzero(region.voxels)
    (rows, columns), (fine_rows, fine_columns) = coarse.signal.shape[2:], region.voxels.shape[1:]
    acquired = coarse.signal[:, z, y * rows // fine_rows, x * columns // fine_columns].mean(axis=1)
    ring = {"color": PANEL, "markeredgecolor": TEXT, "markersize": 4.5, "markeredgewidth": 1.1}
    (handles["Acquired (input)"],) = axes.plot(coarse.times, acquired, "o", **ring)
    return handles


def frame_quality(case: Case, bolus: tuple[float, float] | None) -> Figure:
    """Return the PSNR of each frame for all models, in the brain if there is a mask; ``bolus`` (s) is shaded."""
    figure = new_figure(WIDTH, 2.9)
    axes = figure.add_axes((0.06, 0.17, 0.93, 0.68))
    style_plot(axes, time_axis_label(case.input), "PSNR (dB)")
    if bolus:
        axes.axvspan(*bolus, color=LINE, alpha=0.6, linewidth=0)
        axes.text(np.mean(bolus), 0.96, "bolus", transform=axes.get_xaxis_transform(), color=MUTED, fontsize=8,
                  ha="center", va="top")  # fmt: skip
    for order, (model, result) in enumerate(reversed(case.comparisons.items())):
        main = order == len(case.comparisons) - 1
        scores = result.brain or result.whole
        values = np.where(np.isfinite(scores.frame_psnr), scores.frame_psnr, np.nan)
        axes.plot(
            result.aligned.times,
            values,
            color=model_color(model),
            linewidth=2.0 if main else 1.1,
            label=model_name(model),
        )
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=5, frameon=False, labelcolor=TEXT, fontsize=9, reverse=True
    )
    return figure


def _regions_image(axes: Axes, regions: list[Region], background: np.ndarray, view: View, z: int) -> None:
    image = view(background)
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=np.percentile(image, 99.7), extent=view.extent, interpolation="nearest"
    )
    axes.set_axis_off()
    for region, color in zip(regions, REGION_COLORS, strict=False):
        inside = view(region.voxels[z])
        if inside.any():
            # In mm; more samples than pixels, so that the outline follows the pixels' edges.
            fine = np.pad(inside.repeat(4, axis=0).repeat(4, axis=1), 1)
            rows, columns = inside.shape
            x = (np.arange(-1, 4 * columns + 1) + 0.5) * view.size_mm[0] / (4 * columns)
            y = (np.arange(-1, 4 * rows + 1) + 0.5) * view.size_mm[1] / (4 * rows)
            axes.contour(x, y, fine.astype(float), levels=[0.5], colors=[color], linewidths=1.5)
