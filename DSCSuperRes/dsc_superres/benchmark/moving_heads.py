"""Digital patients whose heads move: what is left of the motion after its correction, and what maps are worth.

Frames without noise are moved by interpolation, as an image of a moved head, and get their noise afterwards. CBV and
CBF, by the known arterial input, are compared with the simulated ones in the same voxels for the still, the moved and
the corrected series; CBF after one factor for all voxels. Still patients, and what a comparison makes of them, show
whether there are false notes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsc_superres.benchmark.shared.documents import add_destinations, deliver
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.degrade import undersample
from dsc_superres.motion.correct import corrected
from dsc_superres.motion.head_motion import head_motion
from dsc_superres.motion.motion_words import motion_notes
from dsc_superres.motion.rigid import composed, displacement, image, inverse, resampled
from dsc_superres.perfusion import ArterialInput, MapOptions, compute_maps
from dsc_superres.perfusion.usable_samples import usable_series
from dsc_superres.phantom import VALIDATION_SEEDS, DigitalPatient, digital_patient
from dsc_superres.series import Series

AMOUNTS = (0.5, 2.0, 5.0)
"""Of motion: mm along an oblique line, and as many degrees about an oblique axis."""
DIRECTION = np.array([0.2, 0.15, 0.97, 0.6, 0.6, 0.53])
"""Shares of the rotations about x, y, z and of the translations."""
MOMENTS = ("before", "during", "after", "passing", "slow")
"""When the head moves for good: before, at the peak of, or after the bolus; for some frames at the peak; all along."""
PASSING_FRAMES = 6
SLICES = 12
STILL_SLICES = (1, 2, 4, 8, 16)
METHOD = "csvd"
STATES = ("still", "moved", "corrected")


@dataclass(frozen=True, eq=False)
class Measured:
    """Median errors in %, of CBF after one factor for all; residual motion in mm, mean and most of the frames."""

    cbv: float
    cbf: float
    mean: float = 0.0
    most: float = 0.0


def motion_path(moment: str, amount: float, peak: int, frames: int) -> np.ndarray:
    """Return the parameters of the motion of each frame, float64[t, 6] as in ``motion.rigid``."""
    target = amount * DIRECTION * np.array([np.pi / 180] * 3 + [1.0] * 3)
    share = np.zeros(frames)
    if moment == "slow":
        share = np.linspace(0, 1, frames)
    elif moment == "passing":
        share[peak - PASSING_FRAMES // 2 : peak + PASSING_FRAMES // 2] = 1
    else:
        share[{"before": peak // 3, "during": peak, "after": peak + (frames - peak) // 2}[moment] :] = 1
    return share[:, None] * target


def moved(patient: DigitalPatient, path: np.ndarray) -> Series:
    """Return the series of a patient whose head moves along ``path``, float64[t, 6], with noise."""
    random, sigma = np.random.default_rng(1), float(patient.description["sigma"])
    signal = np.empty_like(patient.clean.signal)
    for target, frame, parameters in zip(signal, patient.clean.signal, path, strict=True):
        target[:] = frame
        if np.any(parameters):
            source = image(frame, patient.series.geometry.spacing)
            target[:] = np.maximum(np.nan_to_num(resampled(source, parameters, len(frame))), 0)
        real, imaginary = (random.normal(0, sigma, target.shape) for _ in range(2))
        target[:] = np.rint(np.hypot(target + real, imaginary))
    return patient.series.with_signal(signal)


def measure(patient: DigitalPatient, series: Series, outside: np.ndarray | None = None) -> Measured:
    """Return the errors of the maps of a series of ``patient``; ``outside`` are voxels without data."""
    aif = ArterialInput(patient.aif.times, patient.aif.delta_r2star)
    usable = usable_series(series, outside=outside)
    maps = compute_maps(usable, aif=aif, mask=patient.mask, options=MapOptions(METHOD, integration_end=45.0))
    vessels = [code for code, name in patient.names.items() if name in ("artery", "vein", "csf")]
    inside = patient.mask & ~np.isin(patient.tissue, vessels) & (patient.cbf > 0)
    inside[[0, -1]] = False  # slices that a head moved through them leaves
    cbv, cbf = (getattr(maps, name)[inside] / getattr(patient, name)[inside] for name in ("cbv", "cbf"))
    cbf /= np.median(cbf)  # truncated singular values underestimate all flow alike, which would hide the rest
    return Measured(*(float(np.median(np.abs(ratio - 1)) * 100) for ratio in (cbv, cbf)))


def residual(patient: DigitalPatient, path: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Return how far the head lies in each frame from the baseline after a correction, mm, float64[t]."""
    size, spacing = np.array(patient.series.size), np.array(patient.series.geometry.spacing)
    points = (np.argwhere(patient.mask)[::211, ::-1] - (size - 1) / 2) * spacing
    rest = [composed(there, back) for there, back in zip(path, parameters, strict=True)]
    first = np.flatnonzero(np.any(path != path[0], axis=1))
    reference = inverse(np.median(rest[3 : max(int(first[0]), 4)], axis=0))
    return np.array([displacement(composed(reference, one), points) for one in rest])


def patient_records(seed: int, amounts: Sequence[float], moments: Sequence[str]) -> list[dict]:
    """Return residual motion and errors of maps for every motion of one patient."""
    patient = digital_patient(seed, slices=SLICES, protocol={"motion": 0.0})
    peak = int(patient.clean.signal[:, patient.mask].mean(axis=1)[3:].argmin()) + 3
    still = measure(patient, moved(patient, np.zeros((patient.series.frames, 6))))
    records = []
    for moment in moments:
        for amount in amounts:
            path = motion_path(moment, amount, peak, patient.series.frames)
            series, begin = moved(patient, path), time.perf_counter()
            motion = head_motion(series)
            seconds = time.perf_counter() - begin
            left = residual(patient, path, motion.parameters)[3:]
            found = measure(patient, *corrected(series, motion))
            uncorrected = measure(patient, series)
            records.append(
                {"seed": seed, "moment": moment, "amount": amount, "seconds": round(seconds, 1)}
                | {"residual_mean": float(left.mean()), "residual_most": float(left.max())}
                | {f"{name}_{of}": getattr(one, name) for name in ("cbv", "cbf")
                   for of, one in (("still", still), ("moved", uncorrected), ("corrected", found))}
            )  # fmt: skip
    return records


def still_records(seeds: Sequence[int]) -> list[dict]:
    """Return the largest motion that is found in still patients, and in what a comparison makes of them."""
    records = []
    for number, seed in enumerate(seeds):
        slices = STILL_SLICES[number % len(STILL_SLICES)]
        series = digital_patient(seed, slices=slices, protocol={"motion": 0.0}).series
        for kind, one in (("as acquired", series), ("under-sampled 2 x 2 x 4", undersample(series, 2, 4))):
            quick, fine = head_motion(one, quick=True), head_motion(one)
            records.append(
                {"seed": seed, "slices": slices, "kind": kind, "most": float(quick.displacement.max())}
                | {"notes": len(motion_notes(quick, False)), "moved": len(motion_notes(fine, True))}
            )
    return records


def tables(records: list[dict]) -> list[TextTable]:
    """Return residual motion and errors by motion, mean over the patients; and false notes in still patients."""
    found = []
    moving = [record for record in records if "moment" in record]
    if moving:
        rows = []
        for moment in dict.fromkeys(record["moment"] for record in moving):
            for amount in dict.fromkeys(record["amount"] for record in moving):
                own = [r for r in moving if (r["moment"], r["amount"]) == (moment, amount)]
                cells = [
                    " / ".join(
                        f"{np.mean([r[f'{name}_{of}'] for r in own]):.1f}" for of in ("still", "moved", "corrected")
                    )
                    for name in ("cbv", "cbf")
                ]
                left = f"{np.mean([r['residual_mean'] for r in own]):.2f} / {max(r['residual_most'] for r in own):.2f}"
                rows.append((moment, f"{amount:g} mm, {amount:g}°", left, *cells))
        columns = ("motion", "amount", "left, mean / most (mm)", "CBV error (%)", "CBF pattern error (%)")
        title = "Motion left after its correction; median error of CBV and CBF in the still / moved / corrected series"
        found.append(TextTable(title, columns, tuple(rows), headline=True))
    still = [record for record in records if "kind" in record]
    if still:
        rows = [
            (kind, len(own), max(r["most"] for r in own), sum(r["notes"] for r in own), sum(r["moved"] for r in own))
            for kind in dict.fromkeys(record["kind"] for record in still)
            for own in [[record for record in still if record["kind"] == kind]]
        ]
        columns = ("series", "patients", "most motion found (mm)", "false notes", "changed by a correction")
        found.append(TextTable("Patients that do not move", columns, tuple(rows), headline=True))
    return found


def run(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark motion", description=__doc__)
    parser.add_argument("--patients", type=int, default=2, help="that move (%(default)s)")
    parser.add_argument("--still", type=int, default=20, help="patients that do not (%(default)s)")
    parser.add_argument("--amounts", type=float, nargs="+", default=AMOUNTS, help="mm and degrees")
    parser.add_argument("--moments", nargs="+", choices=MOMENTS, default=MOMENTS, help="when")
    add_destinations(parser, "motion")
    options = parser.parse_args(arguments)
    with one_thread():
        records = [
            record
            for seed in VALIDATION_SEEDS[: options.patients]
            for record in patient_records(seed, options.amounts, options.moments)
        ]
        records += still_records(range(1, options.still + 1))
    found = tables(records)
    print("\n\n".join(map(str, found)))
    deliver("motion", "\n\n".join(table.markdown() for table in found), records, options)
