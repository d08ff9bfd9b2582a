"""The automatic arterial input on digital patients, against the curve of their pure arteries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.perfusion import MapOptions, compute_maps
from dsc_superres.phantom import DigitalPatient, digital_patient
from dsc_superres.phantom.anatomy import ARTERY, VEIN
from dsc_superres.phantom.blood_supply import ARTERY_MTT
from dsc_superres.phantom.kinetics import SimulatedBolus, SimulatedResidue, TissueCurves

TOLERANCE = 15.0
"""%; how far area and peak may lie from the truth."""


def pure_artery(patient: DigitalPatient) -> np.ndarray:
    """float64[t]: Delta R2* (1/s) that a voxel full of arterial blood shows in the images of this patient."""
    drawn, times = patient.description, patient.series.times
    curves = TissueCurves(
        SimulatedBolus(**drawn["bolus"]), SimulatedResidue(**drawn["residues"]["artery"]), float(times[-1])
    )
    flow, place = np.float32([60 * drawn["artery_cbv"] / ARTERY_MTT]), curves.position(np.float32([ARTERY_MTT]))
    return np.array([float(curves(time, flow, place, np.float32([0]))[0]) for time in times])


def aif_table(
    seeds: Sequence[int],
    slices: int | None = None,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
) -> TextTable:
    """Area and peak of the arterial input found in each patient, in % of the truth, and where its voxels lie."""
    rows, within, astray = [], 0, 0
    for done, seed in enumerate(seeds):
        progress(done / len(seeds), f"patient {seed}")
        patient = digital_patient(seed, slices=slices)
        aif, truth = compute_maps(patient.series, options=MapOptions("csvd")).aif, pure_artery(patient)
        times = patient.series.times
        area = 100 * float(np.trapezoid(aif.delta_r2star, times) / np.trapezoid(truth, times) - 1)
        peak = 100 * float(aif.delta_r2star.max() / truth.max() - 1)
        where = tuple(aif.voxels.T)
        kind, inside = patient.tissue[where], patient.mask[where]
        within += max(abs(area), abs(peak)) <= TOLERANCE
        astray += bool((kind == VEIN).any() or not inside.all())
        rows.append((seed, len(kind), area, peak, int((kind == ARTERY).sum()), int((kind == VEIN).sum())))
        rows[-1] += (int((~inside).sum()), float(aif.score), "yes" if len(aif.warnings) > 0 else "no")
    title = (
        f"Automatic arterial input of digital patients ({slices or 'all'} slices): within {TOLERANCE:g} % in {within} "
        f"of {len(rows)}, in a vein or outside the brain in {astray}"
    )
    columns = ("patient", "voxels", "area %", "peak %", "in arteries", "in veins", "outside", "score", "flagged")
    return TextTable(title, columns, tuple(rows), headline=True)
