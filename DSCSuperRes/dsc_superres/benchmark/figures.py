"""Pictures of what the quality benchmark measures: frames and perfusion maps of every model, differences underneath.

One slice of a validation patient, the one with most of a lesion, at frames that were not acquired: before the bolus, on
its way up, at its peak and after it. Differences are to the noise-free series, all on one scale.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dsc_superres.benchmark.image_quality.benchmark_cases import MAP_OPTIONS, BenchmarkCase, measured_case, patient_case
from dsc_superres.benchmark.measured_models import labels, shipped, shipped_networks
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.degrade import undersample
from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import PerfusionMaps
from dsc_superres.report.case_figures import MAP_COLORS, MAP_TITLES
from dsc_superres.report.display import View, head_view, time_text
from dsc_superres.report.images import Panel, Row, difference_panel, montage, round_limit
from dsc_superres.report.style import model_name, png
from dsc_superres.series import Series

Reconstructions = dict[str, Series]


@dataclass(frozen=True, eq=False)
class Picture:
    """A case of one slice and its reconstructions by the models' titles."""

    case: BenchmarkCase
    reconstructions: Reconstructions
    time: int
    view: View

    @property
    def titles(self) -> list[str]:
        """Titles of the columns."""
        return ["Noise-free truth" if self.case.noise_free else "Ground truth", *self.reconstructions]


def picture(case: BenchmarkCase, models: Sequence[str], space: int, time: int) -> Picture:
    """The slice of ``case`` with most of a lesion, else the middle one, reconstructed by every model."""
    from dsc_superres.reconstruction.reconstruct import reconstruct

    case, names = one_slice(case), labels(models)
    if case.maps is None:
        raise PerfusionError(f"{case.name} has no contrast bolus: there are no moments to show.")
    coarse = undersample(case.truth, space, time)
    with one_thread():
        made = {
            model_name(names[model]): reconstruct(coarse, space=space, time=time, model=model, device="cpu")
            for model in models
        }
    return Picture(case, made, time, head_view(case.truth.geometry, case.mask[0], space))


def one_slice(case: BenchmarkCase) -> BenchmarkCase:
    """Return ``case`` cut to the slice with most of a lesion, or to its middle slice."""
    lesion = (case.regions or {}).get("lesion", np.zeros_like(case.mask)).sum(axis=(1, 2))
    z = int(lesion.argmax()) if lesion.any() else len(lesion) // 2
    truth, clean = (series.with_signal(series.signal[:, z : z + 1]) for series in (case.truth, case.clean))
    regions = {name: where[z : z + 1] for name, where in (case.regions or {}).items()}
    clean = clean if case.noise_free else truth
    return replace(case, truth=truth, clean=clean, mask=case.mask[z : z + 1], regions=regions)


def moments(case: BenchmarkCase, time: int) -> dict[str, int]:
    """Frames of the bolus that were not acquired, by name."""
    bolus, times = case.maps.bolus, case.clean.times
    rise = bolus.peak - bolus.arrival
    wanted = {
        "Baseline": 0.6 * bolus.arrival,
        "Upslope": bolus.arrival + 0.3 * rise,
        "Peak": bolus.peak,
        "Tail": bolus.peak + 2.0 * rise + 6,
    }
    between = np.flatnonzero(np.arange(times.size) % time)
    return {name: int(between[np.abs(times[between] - when).argmin()]) for name, when in wanted.items()}


def frames_figure(shown: Picture) -> Figure:
    """The frames of every model, and how they differ from the truth."""
    truth, view, frames = shown.case.clean, shown.view, moments(shown.case, shown.time)
    high = float(np.percentile([view(truth.signal[frame, 0]) for frame in frames.values()], 99.6))
    differences = {
        label: [view(series.signal[frame, 0] - truth.signal[frame, 0]) for series in shown.reconstructions.values()]
        for label, frame in frames.items()
    }
    brain = view(shown.case.mask[0])
    limit = round_limit(np.stack([image[brain] for images in differences.values() for image in images]), 99)
    rows = []
    for label, frame in frames.items():
        panels = [Panel(view(s.signal[frame, 0]), "gray", 0, high) for s in (truth, *shown.reconstructions.values())]
        panels[0] = replace(panels[0], note=time_text(truth, truth.times[frame]))
        rows.append(Row(label, panels, "signal (a.u.)"))
        rows.append(_differences(differences[label], limit, "a.u."))
    return montage(shown.titles, rows, view, difference=False)


def maps_figure(shown: Picture) -> Figure:
    """CBV and CBF of every model, and how they differ from those of the truth; with one arterial input."""
    case, view = shown.case, shown.view
    found = [case.maps, *(_maps(case, series) for series in shown.reconstructions.values())]
    hidden = ~view(case.mask[0])
    rows = []
    for name in ("cbv", "cbf"):
        images = [view(getattr(maps, name)[0]) for maps in found]
        title, unit = MAP_TITLES[name]
        high = round_limit(images[0][~hidden], 96)
        panels = [Panel(np.where(hidden, np.nan, image), MAP_COLORS[name], 0, high) for image in images]
        rows.append(Row(title, panels, unit))
        differences = [np.where(hidden, np.nan, image - images[0]) for image in images[1:]]
        limit = round_limit(np.stack([image[~hidden] for image in differences]), 97)
        rows.append(_differences(differences, limit, unit))
    return montage(shown.titles, rows, view, difference=False)


def _maps(case: BenchmarkCase, series: Series) -> PerfusionMaps:
    from dsc_superres.perfusion import compute_maps

    return compute_maps(series, aif=case.maps.aif, mask=case.mask, options=MAP_OPTIONS)


def _differences(images: Sequence[np.ndarray], limit: float, unit: str) -> Row:
    """Differences below all columns but the first, which is the truth."""
    empty = Panel(np.full_like(images[0], np.nan), "gray", 0, 1)
    return Row("difference", [empty, *(difference_panel(image, limit) for image in images)], f"difference ({unit})")


def paletted(content: bytes, colors: int = 256) -> bytes:
    """Return a PNG with at most ``colors`` colors: a third of the size, without a visible difference."""
    from PIL import Image  # comes with matplotlib

    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    image.quantize(colors, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark figures``: writes ``comparison-frames.png`` and ``comparison-maps.png``."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark figures", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures")
    models = [*shipped("pchip"), *shipped_networks()]
    parser.add_argument("--models", nargs="+", default=models, help="names or .safetensors files, from left to right")
    parser.add_argument("--patient", type=int, default=VALIDATION_SEEDS[0], help="seed of the digital patient")
    parser.add_argument("--slices", type=int, default=4, help="middle slices of which one is shown")
    parser.add_argument("--series", help="a measured series to use instead")
    parser.add_argument("--space", type=int, default=2)
    parser.add_argument("--time", type=int, default=4)
    parser.add_argument("--dpi", type=int, default=100, help="pixels per inch; figures are about 11 inches wide")
    options = parser.parse_args(arguments)
    case = (
        measured_case(options.series, options.space, options.time)
        if options.series
        else patient_case(options.patient, options.slices, options.space, options.time)
    )
    shown = picture(case, options.models, options.space, options.time)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, figure in (("frames", frames_figure(shown)), ("maps", maps_figure(shown))):
        path = options.out / f"comparison-{name}.png"
        path.write_bytes(paletted(png(figure, options.dpi)))
        print(f"Wrote {path}.")
