"""Perfusion of digital patients from samples every 6 s and coarse pixels, brought to fine ones every 1.5 s.

The same scan is sampled at four phases. Every map is compared with the one from the noise-free series every 1.5 s, by
the same method and with the same arterial input, known at the times of the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dsc_superres.benchmark.image_quality.benchmark_cases import tissue_regions
from dsc_superres.benchmark.measured_models import labels
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.benchmark.sparse_sampling.sampling_object import FACTOR, FINE_INTERVAL
from dsc_superres.degrade import undersample
from dsc_superres.perfusion import ArterialInput, MapOptions, PerfusionMaps
from dsc_superres.phantom import DigitalPatient
from dsc_superres.series import Series

SPACE = 2
"""The factor in plane."""
TRANSIENT_FRAMES = 4
"""Frames before the first phase, after which the initial transient is over."""
PHASE_FRAMES = 53
"""Fine frames of a phase."""
PIXEL_STEP = 3
"""One in PIXEL_STEP rows and columns of the brain is evaluated."""
QUANTITIES = ("cbv", "cbf", "mtt", "tmax")


def patient_records(seed: int, models: Sequence[str], methods: Mapping[str, Mapping[str, object]]) -> list[dict]:
    """Return the median errors and the spread of CBF (%) of one patient for each sampling or model and each method."""
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(seed, slices=1, protocol={"repetition_time": FINE_INTERVAL})
    regions = tissue_regions(patient.tissue, patient.mask)
    mask = np.zeros_like(patient.mask)
    mask[:, ::PIXEL_STEP, ::PIXEL_STEP] = True
    mask &= regions["gray"] | regions["white"] | regions["lesion"]
    errors: dict[tuple[str, str], list] = {}
    flows: dict[tuple[str, str], list] = {}
    for phase in range(FACTOR):
        chosen = slice(TRANSIENT_FRAMES + phase, TRANSIENT_FRAMES + phase + PHASE_FRAMES)
        clean = _frames(patient.clean, chosen)
        truth = {method: _maps(patient, clean, mask, method, more) for method, more in methods.items()}
        for row, series in _rows(_frames(patient.series, chosen), models):
            for method, more in methods.items():
                found = _maps(patient, series, mask, method, more)
                errors.setdefault((row, method), []).append(_errors(found, truth[method], mask))
                share = found.cbf[mask] / np.maximum(truth[method].cbf[mask], 1e-6)
                flows.setdefault((row, method), []).append(share)
    return [
        {
            "patient": seed,
            "row": row,
            "method": method,
            "errors": [float(value) for value in np.mean(errors[row, method], axis=0)],
            "spread": 100 * float(np.median(np.ptp(flows[row, method], axis=0))),
        }
        for row, method in errors
    ]


def _rows(fine: Series, models: Sequence[str]) -> Iterator[tuple[str, Series]]:
    from dsc_superres.reconstruction.reconstruct import reconstruct

    yield f"every {FINE_INTERVAL:g} s, fine pixels", fine
    yield f"every {FINE_INTERVAL * FACTOR:g} s, fine pixels", undersample(fine, 1, FACTOR)
    coarse = undersample(fine, SPACE, FACTOR)
    for model, name in labels(models).items():
        yield name, reconstruct(coarse, space=SPACE, time=FACTOR, model=model, device="cpu")


def _frames(series: Series, chosen: slice) -> Series:
    return series.with_signal(series.signal[chosen], times=series.times[chosen])


def _maps(
    patient: DigitalPatient, series: Series, mask: np.ndarray, method: str, more: Mapping[str, object]
) -> PerfusionMaps:
    from dsc_superres.perfusion import compute_maps

    known = ArterialInput(series.times, np.interp(series.times, patient.aif.times, patient.aif.delta_r2star))
    return compute_maps(series, aif=known, mask=mask, options=MapOptions(method, **more))


def _errors(found: PerfusionMaps, truth: PerfusionMaps, mask: np.ndarray) -> list[float]:
    """Return median absolute errors of CBV, CBF and MTT (%) and Tmax (s) in voxels with a tenth of the median flow."""
    perfused = mask & (truth.cbf > 0.1 * np.median(truth.cbf[mask])) & (truth.mtt > 0)
    measured, true = ([getattr(maps, name)[perfused] for name in QUANTITIES] for maps in (found, truth))
    relative = [100 * float(np.median(np.abs(a / b - 1))) for a, b in zip(measured[:3], true[:3], strict=True)]
    return [*relative, float(np.median(np.abs(measured[3] - true[3])))]


def patients_table(records: list[dict], titles: Mapping[str, str]) -> TextTable:
    """Return a table of errors and of the spread of CBF over the phases by method; means over patients."""
    count = len({record["patient"] for record in records})
    rows = []
    for row in dict.fromkeys(record["row"] for record in records):
        cells = []
        for method in titles:
            own = [record for record in records if record["row"] == row and record["method"] == method]
            cbv, cbf, mtt, tmax = np.mean([record["errors"] for record in own], axis=0)
            spread = np.mean([record["spread"] for record in own])
            cells.append(f"{cbv:.1f} / {cbf:.1f} / {mtt:.1f} / {tmax:.2f}; {spread:.0f}")
        rows.append((row, *cells))
    title = (
        f"{count} digital patients, models from pixels {SPACE} x {SPACE} times coarser: median difference from "
        f"noise-free every {FINE_INTERVAL:g} s of CBV / CBF / MTT in % and Tmax in s; spread of CBF over four phases, %"
    )
    return TextTable(title, ("samples", *titles.values()), tuple(rows))
