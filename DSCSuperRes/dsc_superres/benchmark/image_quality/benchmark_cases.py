"""The series that a benchmark measures reconstructions on: digital patients, and measured series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dsc_superres.degrade import matching_truth
from dsc_superres.errors import PerfusionError
from dsc_superres.perfusion import ArterialInput, MapOptions, PerfusionMaps
from dsc_superres.series import Series

MAP_OPTIONS = MapOptions(method="csvd")


@dataclass(frozen=True, eq=False)
class BenchmarkCase:
    """One series to measure on: ``truth`` as stored, ``clean`` without noise (the same object if that is unknown).

    mask     bool[z, y, x], the brain
    aif      the arterial input; None: found in ``clean``
    regions  bool[z, y, x] by kind of tissue, if known
    """

    name: str
    truth: Series
    clean: Series
    mask: np.ndarray
    aif: ArterialInput | None
    regions: dict[str, np.ndarray] | None = None

    @cached_property
    def maps(self) -> PerfusionMaps | None:
        """Perfusion maps of ``clean``; None if it has no bolus."""
        from dsc_superres.perfusion import compute_maps

        try:
            return compute_maps(self.clean, aif=self.aif, mask=self.mask, options=MAP_OPTIONS)
        except PerfusionError:
            return None

    @property
    def noise_free(self) -> bool:
        """Whether the series without noise is known."""
        return self.clean is not self.truth

    @property
    def bolus(self) -> np.ndarray:
        """bool[t]: frames in which the brain is at least a fifth of the way to its lowest signal."""
        mean = self.clean.signal[:, self.mask].mean(axis=1)
        steady = mean[1:] if len(mean) > 2 else mean
        return mean < steady.max() - 0.2 * (steady.max() - steady.min())


def patient_case(seed: int, slices: int, space: int, time: int, **options: int) -> BenchmarkCase:
    """Return a digital patient, cropped to a multiple of the factors; ``options`` are passed to ``digital_patient``."""
    from dsc_superres.phantom import digital_patient

    patient = digital_patient(seed, slices=slices, **options)
    truth, clean = (matching_truth(series, space, time) for series in (patient.series, patient.clean))
    width, height, _ = truth.size
    mask, tissue = (volume[:, :height, :width] for volume in (patient.mask, patient.tissue))
    aif = ArterialInput(patient.aif.times, patient.aif.delta_r2star)
    return BenchmarkCase(f"patient {seed}", truth, clean, mask, aif, tissue_regions(tissue, mask))


def tissue_regions(tissue: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Return masks bool[z, y, x] by kind of tissue. Necrosis is left out because it has hardly any blood."""
    from dsc_superres.phantom import anatomy as kind

    kinds = {
        "gray": (kind.GRAY,),
        "white": (kind.WHITE,),
        "lesion": (kind.RIM, kind.EDEMA, kind.CORE, kind.PENUMBRA),
        "vessel": (kind.ARTERY, kind.VEIN),
    }
    return {name: np.isin(tissue, labels) & mask for name, labels in kinds.items()}


def measured_case(path: str, space: int, time: int) -> BenchmarkCase:
    """Return a measured series as its own ground truth, noise included; an unknown echo time cancels in all errors."""
    from dsc_superres.io import read_series
    from dsc_superres.perfusion import brain_mask
    from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME

    series = read_series(path)
    if series.echo_time is None:
        series = replace(series, echo_time=ASSUMED_ECHO_TIME)
    truth = matching_truth(series, space, time)
    return BenchmarkCase(Path(path).name, truth, truth, brain_mask(truth), None)
