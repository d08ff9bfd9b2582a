"""Figures of the arterial input with its curve and score, and of the uncertainty of the maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsc_superres.perfusion import ArterialInput, PerfusionMaps
from dsc_superres.report.display import View
from dsc_superres.report.images import Panel, Row, montage, round_limit
from dsc_superres.report.style import MUTED, TEXT, WIDTH, new_figure, style_plot

AIF_COLORS = ("#ff6b6b", "#ffd166", "#06d6a0", "#56b4e9", "#c792ea")
"""Colors of the arterial input that was used and of the other candidates."""
MAX_SLICES = 3
"""Largest number of slices that show an arterial input."""
CENTRAL_95 = 1.96
"""Standard deviations of a Gaussian on each side of its mean that hold 95 %."""
SD_MAPS = {"cbv_sd": "CBV", "cbf_sd": "CBF", "mtt_sd": "MTT", "tmax_sd": "Tmax"}
"""Titles of the maps of standard deviations, by name."""
SD_COLORMAP = "cividis"


def arterial_figure(maps: PerfusionMaps, image: np.ndarray, view: View, z: int) -> Figure:
    """Return the voxels of the arterial input and of other candidates on their main slices, and all curves.

    ``image`` [z, y, x] is the series before the bolus on the grid of the maps. If the arterial input has no voxels in
    it, slice ``z`` and the curve are shown.
    """
    inputs = list(zip(_aif_and_candidates(maps), AIF_COLORS, strict=False))
    slices = _aif_slices(inputs[0][0]) or [z]
    figure = new_figure(WIDTH, 3.6)
    high = float(np.percentile(image[slices], 99.6)) or 1.0
    for column, slice_index in enumerate(slices):
        axes = figure.add_axes((0.005 + 0.19 * column, 0.03, 0.18, 0.84))
        axes.imshow(view(image[slice_index]), cmap="gray", vmin=0, vmax=high, extent=view.extent)
        axes.set_axis_off()
        axes.set_title(f"slice {slice_index + 1}", color=TEXT, fontsize=9)
        # The one that was used is drawn last, on top.
        for aif, color in reversed(inputs):
            across, down = _screen_positions(aif.voxels[aif.voxels[:, 0] == slice_index], image.shape[1:], view)
            axes.plot(across, down, "s", markersize=5, markerfacecolor="none", markeredgecolor=color)
    left = 0.07 + 0.19 * len(slices)
    axes = figure.add_axes((left, 0.15, 0.985 - left, 0.72))
    _between_samples(axes, maps.provenance.get("aif_between_samples"))
    _arterial_curves(axes, inputs, _baseline(maps))
    return figure


def _arterial_curves(axes: Axes, inputs: list[tuple[ArterialInput, str]], baseline: tuple[float, float]) -> None:
    style_plot(axes, "time (s)", "ΔR2* (1/s)")
    for number, (aif, color) in reversed(list(enumerate(inputs))):
        width = 2.2 if number == 0 else 1.1
        axes.plot(aif.times, aif.delta_r2star, color=color, linewidth=width, label=_legend_label(aif, number))
    axes.axvspan(*baseline, color=MUTED, alpha=0.15, linewidth=0)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], frameon=False, labelcolor=TEXT, fontsize=8.5)


def _between_samples(axes: Axes, record: Mapping[str, object] | None) -> None:
    """Draw the curve that was found between coarse samples with the tissue's help, and its 95 % band."""
    if record is None or "delta_r2star_sd" not in record:
        return
    times, curve, sd = (np.asarray(record[name]) for name in ("times_s", "delta_r2star", "delta_r2star_sd"))
    half = CENTRAL_95 * sd
    axes.fill_between(times, curve - half, curve + half, color=TEXT, alpha=0.25, linewidth=0)
    axes.plot(times, curve, color=TEXT, linewidth=1.3, linestyle="--", label="between its samples, with 95 % band")


def _aif_slices(aif: ArterialInput) -> list[int]:
    """Return at most MAX_SLICES slices that contain most of the voxels, in order."""
    slices, count = np.unique(aif.voxels[:, 0], return_counts=True)
    return sorted(int(z) for z in slices[np.argsort(-count, kind="stable")][:MAX_SLICES])


def uncertainty_figure(maps: PerfusionMaps, view: View, z: int) -> Figure:
    """Return the standard deviations in slice ``z``: of CBV, CBF and MTT in % of the map, of Tmax in s."""
    hidden = ~view(maps.mask[z])
    images = [np.where(hidden, np.nan, view(_displayed_sd(maps, name)[z])) for name in SD_MAPS]
    relative = round_limit(np.stack(images[:-1])[:, ~hidden], 95)
    limits = [relative] * (len(images) - 1) + [round_limit(images[-1][~hidden], 95)]
    panels = [Panel(image, SD_COLORMAP, 0, high) for image, high in zip(images, limits, strict=True)]
    return montage(list(SD_MAPS.values()), [Row("± 1 SD", panels, "% of the map", "s")], view)


def has_uncertainty(maps: PerfusionMaps) -> bool:
    """Return whether the maps include standard deviations."""
    return all(name in maps.extra for name in SD_MAPS)


def _displayed_sd(maps: PerfusionMaps, name: str) -> np.ndarray:
    """Return a standard deviation, float32[z, y, x], in % of its map, or in s for Tmax."""
    sd = maps.extra[name]
    if name == "tmax_sd":
        return sd
    value = getattr(maps, name.removesuffix("_sd"))
    return 100 * np.divide(sd, value, out=np.zeros_like(sd), where=value > 0)


def _aif_and_candidates(maps: PerfusionMaps) -> list[ArterialInput]:
    """Return the arterial input that was used and the other candidates."""
    others = [c for c in maps.candidates if not np.array_equal(c.delta_r2star, maps.aif.delta_r2star)]
    return [maps.aif, *others][: len(AIF_COLORS)]


def _legend_label(aif: ArterialInput, number: int) -> str:
    score = "" if aif.score is None else f", score {aif.score:.2f}"
    what = f"used: {aif.source}" if number == 0 else f"candidate {number + 1}: {len(aif.voxels)} voxels"
    return what + score


def _baseline(maps: PerfusionMaps) -> tuple[float, float]:
    """Return begin and end of the baseline in s."""
    times = maps.provenance["baseline_s"]
    return float(times[0]), float(times[1])


def _screen_positions(voxels: np.ndarray, shape: tuple[int, int], view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return where the centers of voxels[k, 3] (z, y, x) lie in the view, in mm from its left and from its top."""
    positions = []
    for _, y, x in voxels:
        marker = np.zeros(shape, bool)
        marker[y, x] = True
        positions += [*np.argwhere(view(marker))]
    rows, columns = np.reshape(positions, (-1, 2)).T
    height, width = view(np.zeros(shape)).shape
    return (columns + 0.5) * view.size_mm[0] / width, (rows + 0.5) * view.size_mm[1] / height
