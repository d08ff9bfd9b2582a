"""Speed of the map methods in one process: ours, a plain loop over voxels, and osipy if it is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.shared.one_thread import one_thread
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.perfusion import deconvolution as svd
from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus, find_bolus
from dsc_superres.perfusion.concentration import delta_r2star
from dsc_superres.perfusion.curve_maps import curve_maps
from dsc_superres.perfusion.options import MapOptions

SHAPE = (20, 128, 128)
"""A usual volume, [z, y, x]; with 60 frames."""
PLAIN_VOXELS = 2000
"""Voxels of the plain loop, which would take minutes for all."""

TimedCurves = tuple[np.ndarray, np.ndarray, np.ndarray, Bolus]
"""curves[t, n] (1/s), times[t] (s), arterial[t] (1/s) and the bolus."""


def speed_table(repeats: int = 3) -> TextTable:
    """Processor seconds and thousands of voxels per second for all maps of a volume; the least of ``repeats``.

    Every method runs on one thread, in turns, so that all see the same load of the machine.
    """
    timed = _timed_curves()
    methods = dict(_methods(timed))
    least = dict.fromkeys(methods, np.inf)
    with one_thread():
        for _ in range(repeats):
            for name, (run, voxels) in methods.items():
                start = time.process_time()
                run()
                least[name] = min(least[name], (time.process_time() - start) / voxels)
    whole = np.prod(SHAPE)
    rows = []
    for name, seconds in least.items():
        plain, other = (least.get(f"{who} {name.split()[-1]}") for who in ("plain loop", "osipy"))
        gains = tuple(round(slow / seconds, 1) if slow and slow > seconds else "" for slow in (plain, other))
        rows.append((name, seconds * whole, 1e-3 / seconds, *gains))
    columns = ("method", "processor s", "1000 voxels/s", "times a plain loop", "times osipy")
    title = f"Speed: all maps of {' x '.join(map(str, SHAPE))} voxels and 60 frames, one thread"
    return TextTable(title, columns, tuple(rows), headline=True)


def _timed_curves() -> TimedCurves:
    made = objects.reference_object(objects.random_cases(("exp", "gamma"), 250, seed=2), 1.5 * np.arange(60), 50.0)
    few = delta_r2star(made.signal, objects.ECHO_TIME, made.baseline)
    random, count = np.random.default_rng(0), int(np.prod(SHAPE))
    curves = few[:, np.arange(count) % few.shape[1]]
    curves += random.standard_normal(curves.shape, np.float32) * np.float32(0.3)
    bolus = find_bolus(made.signal.mean(axis=1), made.times)
    return curves, made.times, made.arterial, bolus


def _methods(timed: TimedCurves) -> Iterator[tuple[str, tuple[Callable[[], object], int]]]:
    """Yield each method's name, function to time, and number of voxels; the last word of names is what is compared."""
    curves, times, arterial, bolus = timed
    aif, count = ArterialInput(times, arterial), curves.shape[1]
    for method in ("ssvd", "csvd", "osvd", *(("bayes",) if _has("torch") else ())):
        yield (
            f"ours {method}",
            (lambda m=method: curve_maps(curves, times, aif, bolus, MapOptions(m), objects.ECHO_TIME), count),
        )
    published = MapOptions("osvd", as_published=True)
    yield "ours published osvd", (lambda: curve_maps(curves, times, aif, bolus, published, objects.ECHO_TIME), count)
    for method in ("csvd", "osvd"):
        few = curves[:, :PLAIN_VOXELS]
        yield f"plain loop {method}", (lambda m=method, c=few: plain_maps(c, times, arterial, m), PLAIN_VOXELS)
    if _has("osipy"):
        from osipy.dsc import compute_perfusion_maps

        volume = np.ascontiguousarray(np.moveaxis(curves.reshape(-1, *SHAPE), 0, -1))
        for method in ("cSVD", "oSVD"):
            yield (
                f"osipy {method.lower()}",
                (lambda m=method: compute_perfusion_maps(volume, arterial, times, deconvolution_method=m), count),
            )


def plain_maps(curves: np.ndarray, times: np.ndarray, arterial: np.ndarray, method: str) -> np.ndarray:
    """float64[n, 4]: CBV, CBF, MTT (s) and Tmax (s) of curves[t, n], voxel by voxel as a textbook would write it."""
    dt, length = times[1] - times[0], len(times)
    u, s, vt = np.linalg.svd(svd.circulant_matrix(arterial, dt))
    thresholds = [svd.CIRCULANT_THRESHOLD] if method == "csvd" else np.arange(0.05, 0.951, 0.05)
    inverses = [(vt.T * np.where(s >= t * s[0], 1 / s, 0)) @ u.T for t in thresholds]
    found = np.empty((curves.shape[1], 4))
    for voxel, curve in enumerate(curves.T):
        padded = np.append(curve, np.zeros(length))
        for inverse in inverses:
            residue = inverse @ padded
            if np.abs(np.diff(residue, 2)).sum() < svd.OSCILLATION_LIMIT * len(residue) * residue.max():
                break
        cbv, cbf = 100 * np.trapezoid(curve, times) / np.trapezoid(arterial, times), 6000 * residue.max()
        found[voxel] = cbv, cbf, 60 * cbv / cbf, dt * residue.argmax()
    return found


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
