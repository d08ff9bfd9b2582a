"""The figures of a report, from a story."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dsc_superres.report.display import View, head_view, moment
from dsc_superres.report.images import Panel, Row, difference_panel, montage, nice_limit
from dsc_superres.report.plots import curves, frame_quality
from dsc_superres.report.style import model_name
from dsc_superres.study import TRUTH, Study

if TYPE_CHECKING:
    from dsc_superres.demo import Story

MAP_TITLES = {"cbv": ("CBV", "mL/100 g"), "cbf": ("CBF", "mL/100 g/min"), "mtt": ("MTT", "s"), "tmax": ("Tmax", "s")}
MAP_COLOURS = {"cbv": "inferno", "cbf": "inferno", "mtt": "viridis", "tmax": "viridis"}


def all_figures(story: Story) -> dict[str, Figure]:
    """Every figure that the story allows, by name, in the order of the page."""
    study = story.study
    z = story.z
    view = _view(study, z)
    figures = {"frames": frames_figure(study, view, z)}
    if story.regions:
        fine = {model: study.reconstructions[model] for model in _shown_models(study)}
        background = study.truth.signal[:3, z].mean(axis=0)
        figures["curves"] = curves(
            study.truth, study.input, int(story.job.space), fine, story.regions, background, view, z
        )
    figures["quality"] = frame_quality(study, bolus_span(study))
    if TRUTH in study.maps:
        figures["maps"] = maps_figure(story, view, z)
    return figures


def shown_frames(study: Study) -> list[tuple[str, int]]:
    """(label, frame of the truth) of the three rows; frames in between acquired ones where there is a choice."""
    frames, step = study.truth.frames, max(round((study.truth.frames - 1) / (study.input.frames - 1)), 1)

    def unseen(frame: int) -> int:
        """The frame farthest from acquired ones in the interval of ``frame``."""
        return int(np.clip(frame // step * step + step // 2, 0, frames - 1))

    if TRUTH in study.maps:
        bolus, times = study.maps[TRUTH].bolus, study.truth.times
        recovery = int(np.abs(times - (bolus.peak + 2.0 * (bolus.peak - bolus.arrival) + 6)).argmin())
        chosen = {"Baseline": bolus.arrival_frame // 2, "Bolus peak": bolus.peak_frame, "Recovery": recovery}
        between = {name: frame if name == "Bolus peak" else unseen(frame) for name, frame in chosen.items()}
    else:
        shares = {"Early": 0.15, "Middle": 0.5, "Late": 0.85}
        chosen = {name: round(share * (frames - 1)) for name, share in shares.items()}
        between = {name: unseen(frame) for name, frame in chosen.items()}
    # In a short series the frames in between may coincide, or leave their order.
    ordered = list(between.values()) == sorted(set(between.values()))
    return list((between if ordered else chosen).items())


def bolus_span(study: Study) -> tuple[float, float] | None:
    """Begin and end of the first pass, s."""
    if TRUTH not in study.maps:
        return None
    bolus = study.maps[TRUTH].bolus
    return bolus.arrival, bolus.peak + 1.5 * (bolus.peak - bolus.arrival)


def frames_figure(study: Study, view: View, z: int) -> Figure:
    """Ground truth, input, reconstruction and difference at three times; grey values share one window."""
    truth, fine, coarse = study.truth, study.reconstruction, study.input
    factor = round(truth.size[0] / coarse.size[0])
    shown = shown_frames(study)
    planes = np.stack([view(truth.signal[frame, z]) for _, frame in shown])
    low, high = 0.0, float(np.percentile(planes, 99.6)) or 1.0
    differences = [view(fine.signal[frame, z] - truth.signal[frame, z]) for _, frame in shown]
    limit = nice_limit(np.stack(differences))
    rows = []
    for (label, frame), plane, difference in zip(shown, planes, differences, strict=True):
        time = truth.times[frame]
        last = int(np.searchsorted(coarse.times, time + 1e-6) - 1)
        acquired = view.coarse(coarse.signal[last, z], factor)
        rows.append(
            Row(
                label,
                [
                    Panel(plane, "gray", low, high, moment(truth, time)),
                    Panel(acquired, "gray", low, high, f"acquired at {moment(coarse, coarse.times[last])}"),
                    Panel(view(fine.signal[frame, z]), "gray", low, high, moment(truth, time)),
                    difference_panel(difference, limit),
                ],
                "signal (a.u.)",
                "difference (a.u.)",
            )
        )
    return montage(["Ground truth", "Input", model_name(study.model), "Difference"], rows, view)


def maps_figure(story: Story, view: View, z: int) -> Figure:
    """CBV and CBF as simulated (where known), from the ground truth and the reconstruction, and how these differ."""
    study = story.study
    truth, fine = study.maps[TRUTH], study.maps[study.model]
    hidden = ~view(truth.mask[z])
    rows = []
    for name in ("cbv", "cbf"):
        images = [view(getattr(truth, name)[z]), view(getattr(fine, name)[z])]
        if story.simulated:
            images.insert(0, view(story.simulated.maps[name][z]))
        difference = images[-1] - images[-2]
        high = nice_limit(images[-2][~hidden], 96)
        limit = nice_limit(difference[~hidden], 98)
        title, unit = MAP_TITLES[name]
        panels = [Panel(np.where(hidden, np.nan, image), MAP_COLOURS[name], 0, high) for image in images]
        panels.append(difference_panel(np.where(hidden, np.nan, difference), limit))
        rows.append(Row(title, panels, unit, f"difference ({unit})"))
    titles = ["From ground truth", f"From {model_name(study.model)}", "Difference"]
    if story.simulated:
        titles.insert(0, "Simulated")
    return montage(titles, rows, view)


def _shown_models(study: Study) -> list[str]:
    """The study's model and the best of the interpolators: more lines would hide each other."""
    others = [model for model in study.comparisons if model != study.model]
    best = max(others, key=lambda m: (study.comparisons[m].brain or study.comparisons[m].whole).psnr, default=None)
    return [study.model] + ([best] if best else [])


def _view(study: Study, z: int) -> View:
    truth = study.truth
    mask = study.mask
    if mask is None or not mask[z].any():
        mean = truth.signal[:, z].mean(axis=0)
        plane = mean > 0.1 * np.percentile(mean, 99)
    else:
        plane = mask[z]
    factor = round(truth.size[0] / study.input.size[0])
    return head_view(truth.geometry, plane, factor)
