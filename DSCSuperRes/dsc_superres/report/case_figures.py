"""The figures of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dsc_superres.perfusion.map_scales import RELATIVE_LIMIT, map_scale
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.pipeline.case import TRUTH, Case
from dsc_superres.report.display import View, head_view, time_text
from dsc_superres.report.images import Panel, Row, difference_panel, montage, round_limit
from dsc_superres.report.motion_plot import motion_figure
from dsc_superres.report.perfusion_figures import arterial_figure, has_uncertainty, uncertainty_figure
from dsc_superres.report.plots import curves, frame_quality
from dsc_superres.report.style import model_name

if TYPE_CHECKING:
    from dsc_superres.perfusion import PerfusionMaps
    from dsc_superres.report.content import ReportContent

MAP_TITLES = {
    name: (title, UNITS[name]) for name, title in {"cbv": "CBV", "cbf": "CBF", "mtt": "MTT", "tmax": "Tmax"}.items()
}
"""Title and unit of the maps that are shown, by name."""
RELATIVE_TITLES = {"rcbv": ("rCBV", "white matter = 1"), "rcbf": ("rCBF", "white matter = 1")}
"""Title and unit of the maps relative to white matter, by name."""
MAP_COLORS = {"cbv": "inferno", "cbf": "inferno", "mtt": "viridis", "tmax": "viridis"}
"""Color maps of the maps that are shown, by name."""


def all_figures(content: ReportContent) -> dict[str, Figure]:
    """Return all figures for which the content suffices, by name, in the order of the page."""
    case = content.case
    z = content.z
    view = _head_view_of(case, z)
    figures = {"frames": frames_figure(case, view, z)}
    if content.regions:
        fine = {model: case.reconstructions[model] for model in _shown_models(case)}
        background = case.finest[1].signal[:3, z].mean(axis=0)
        figures["curves"] = curves(case.truth, case.input, fine, content.regions, background, view, z)
    if case.prepared is not None and case.prepared.motion is not None:
        figures["motion"] = motion_figure(case.prepared)
    if case.comparisons:
        figures["quality"] = frame_quality(case, bolus_span(case))
    if case.finest[0] in case.maps:
        figures |= map_figures(content)
    return figures


def map_figures(content: ReportContent) -> dict[str, Figure]:
    """Return the figures of the maps by name, in the order of the page."""
    case, z = content.case, content.z
    maps, view = case.maps[case.finest[0]], _head_view_of(case, z)
    figures = {"maps": maps_figure(content, view, z)}
    if all(one.reference is not None for one in _shown_maps(case).values()):
        figures["relative"] = relative_figure(content, view, z)
    before = case.finest[1].signal[maps.baseline].mean(axis=0)
    figures["artery"] = arterial_figure(maps, before, view, z)
    if has_uncertainty(maps):
        figures["uncertainty"] = uncertainty_figure(maps, view, z)
    return figures


def shown_frames(case: Case) -> list[tuple[str, int]]:
    """Return label and frame index of ``case.finest`` for three rows, between acquired frames where possible."""
    name, series = case.finest
    frames, step = series.frames, max(round((series.frames - 1) / (case.input.frames - 1)), 1)

    def frame_between(frame: int) -> int:
        """The frame farthest from acquired ones in the interval of ``frame``."""
        return int(np.clip(frame // step * step + step // 2, 0, frames - 1))

    if name in case.maps:
        bolus, times = case.maps[name].bolus, series.times
        recovery = int(np.abs(times - (bolus.peak + 2.0 * (bolus.peak - bolus.arrival) + 6)).argmin())
        frames_of_interest = {
            "Baseline": bolus.arrival_frame // 2,
            "Bolus peak": bolus.peak_frame,
            "Recovery": recovery,
        }
        frames_between = {
            name: frame if name == "Bolus peak" else frame_between(frame) for name, frame in frames_of_interest.items()
        }
    else:
        shares = {"Early": 0.15, "Middle": 0.5, "Late": 0.85}
        frames_of_interest = {name: round(share * (frames - 1)) for name, share in shares.items()}
        frames_between = {name: frame_between(frame) for name, frame in frames_of_interest.items()}
    # In a short series, the frames in between may coincide or be out of order.
    ordered = list(frames_between.values()) == sorted(set(frames_between.values()))
    return list((frames_between if ordered else frames_of_interest).items())


def bolus_span(case: Case) -> tuple[float, float] | None:
    """Return begin and end of the first pass in s, or None without maps of the ground truth."""
    if TRUTH not in case.maps:
        return None
    bolus = case.maps[TRUTH].bolus
    return bolus.arrival, bolus.peak + 1.5 * (bolus.peak - bolus.arrival)


def frames_figure(case: Case, view: View, z: int) -> Figure:
    """Return ground truth, input, reconstruction and difference at three times; all images share one gray scale.

    Without a ground truth, only input and reconstruction are shown.
    """
    truth, fine, coarse, series = case.truth, case.reconstruction, case.input, case.finest[1]
    labeled_frames = shown_frames(case)
    planes = np.stack([view(series.signal[frame, z]) for _, frame in labeled_frames])
    low, high = 0.0, float(np.percentile(planes, 99.6)) or 1.0
    rows = []
    for label, frame in labeled_frames:
        time = series.times[frame]
        last_acquired = int(np.searchsorted(coarse.times, time + 1e-6) - 1)
        acquired = view(_enlarge(coarse.signal[last_acquired, z], series.signal.shape[2:]))
        panels = [
            Panel(acquired, "gray", low, high, f"acquired at {time_text(coarse, coarse.times[last_acquired])}"),
            Panel(view(fine.signal[frame, z]), "gray", low, high, time_text(series, time)),
        ]
        if truth is not None:
            panels.insert(0, Panel(view(truth.signal[frame, z]), "gray", low, high, time_text(truth, time)))
        rows.append(Row(label, panels, "signal (a.u.)", "difference (a.u.)"))
    titles = ["Input", model_name(case.model)]
    if truth is None:
        return montage(titles, rows, view, difference=False)
    differences = [view(fine.signal[frame, z] - truth.signal[frame, z]) for _, frame in labeled_frames]
    limit = round_limit(np.stack(differences))
    for row, difference in zip(rows, differences, strict=True):
        row.panels.append(difference_panel(difference, limit))
    return montage(["Ground truth", *titles, "Difference"], rows, view)


def maps_figure(content: ReportContent, view: View, z: int) -> Figure:
    """Return CBV and CBF as simulated (if known), from ground truth and reconstruction, and their difference.

    Without a ground truth, the maps of the input and of the reconstruction are shown.
    """
    mask = content.case.maps[content.case.finest[0]].mask[z]
    simulated = content.simulated.maps if content.simulated else {}
    rows = []
    for name in ("cbv", "cbf"):
        images = [view(_enlarge(getattr(maps, name)[z], mask.shape)) for maps in _shown_maps(content.case).values()]
        if simulated:
            images.insert(0, view(simulated[name][z]))
        rows.append(_map_row(content, images, MAP_TITLES[name], view(mask), _upper_end(content.case, name)))
    return _map_montage(content, rows, view)


def _upper_end(case: Case, name: str) -> float:
    """Return where the scale of the maps ``name`` ends: that of the panel, too."""
    maps = case.maps[case.finest[0]]
    return map_scale(name, getattr(maps, name)[maps.mask], maps.provenance).upper


def relative_figure(content: ReportContent, view: View, z: int) -> Figure:
    """Return rCBV and rCBF as ``maps_figure`` does CBV and CBF, with the outline of the white matter they refer to."""
    case, shown = content.case, _shown_maps(content.case)
    finest = case.maps[case.finest[0]]
    mask, region = finest.mask[z], finest.reference.region
    simulated = content.simulated.maps if content.simulated else {}
    outlines = [_enlarge(maps.reference.region[z], mask.shape) for maps in shown.values()]
    rows = []
    for name, title in RELATIVE_TITLES.items():
        images = [view(_enlarge(maps.extra[name][z], mask.shape)) for maps in shown.values()]
        if simulated:
            truth = simulated[name.removeprefix("r")]
            images.insert(0, view(truth[z] / np.median(truth[region])))
        lines = [view(line) for line in ([region[z], *outlines] if simulated else outlines)]
        rows.append(_map_row(content, images, title, view(mask), RELATIVE_LIMIT, lines))
    return _map_montage(content, rows, view)


def _shown_maps(case: Case) -> dict[str, PerfusionMaps]:
    """Return the maps to show side by side, by title."""
    found = {f"From {model_name(case.model)}": case.maps[case.model]}
    if case.truth is not None:
        return {"From ground truth": case.maps[TRUTH], **found}
    return {"From the input": case.input_maps, **found} if case.input_maps is not None else found


def _map_row(
    content: ReportContent,
    images: list[np.ndarray],
    title: tuple[str, str],
    inside: np.ndarray,
    high: float,
    outlines: Sequence[np.ndarray | None] = (),
) -> Row:
    """Return a map's ``images`` from 0 to ``high``, and with a ground truth the difference of the last two."""
    outlines = outlines or [None] * len(images)
    panels = [
        Panel(np.where(inside, image, np.nan), MAP_COLORS["cbv"], 0, high, outline=outline)
        for image, outline in zip(images, outlines, strict=True)
    ]
    if content.case.truth is not None:
        difference = images[-1] - images[-2]
        limit = round_limit(difference[inside], 98)
        panels.append(difference_panel(np.where(inside, difference, np.nan), limit))
    name, unit = title
    return Row(name, panels, unit, f"difference ({unit})")


def _map_montage(content: ReportContent, rows: list[Row], view: View) -> Figure:
    case, map_sources = content.case, _shown_maps(content.case)
    titles = (["Simulated"] if content.simulated else []) + list(map_sources)
    if case.truth is None:
        return montage(titles, rows, view, difference=False)
    return montage([*titles, "Difference"], rows, view)


def _enlarge(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a plane [y, x] on a finer grid of the same field of view, with large pixels."""
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, plane.shape, strict=True))
    return plane[np.ix_(rows, columns)]


def _shown_models(case: Case) -> list[str]:
    """Return the model and the best interpolator; more curves would overlap."""
    interpolators = [model for model in case.comparisons if model != case.model]
    best = max(interpolators, key=lambda m: (case.comparisons[m].brain or case.comparisons[m].whole).psnr, default=None)
    return [case.model] + ([best] if best else [])


def _head_view_of(case: Case, z: int) -> View:
    """Return the view of slice ``z`` that shows the brain, or the head without a mask."""
    series = case.finest[1]
    mask = case.mask
    if mask is None or not mask[z].any():
        mean = series.signal[:, z].mean(axis=0)
        plane = mean > 0.1 * np.percentile(mean, 99)
    else:
        plane = mask[z]
    factor = round(series.size[0] / case.input.size[0])
    return head_view(series.geometry, plane, factor)
