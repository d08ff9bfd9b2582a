"""The choices behind a set of maps, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass

from dsc_superres.errors import PerfusionError

METHODS = ("bayes", "csvd", "osvd", "ssvd")
LEAKAGE = ("none", "bsw", "bidirectional")
KH_OVER_RHO = (1 - 0.45) / (1 - 0.25) / 1.04


@dataclass(frozen=True)
class MapOptions:
    """How to compute maps.

    method            "bayes" (default; needs PyTorch), "csvd", "osvd" or "ssvd"
    kh_over_rho       haematocrit factor over brain density, mL/g; in CBV and CBF alike (CAPLEX M.ID1.006)
    threshold         sSVD, cSVD: share of the largest singular value below which they are cut; None: 0.2, 0.1 as
                      published; "adaptive": the best one for the interval and the noise of the series.
                      oSVD: the step of the thresholds that are tried; None: 0.05 as published
    oscillation       oSVD: the limit of the oscillation index
    as_published      oSVD: exactly as published, which depends on the delay; else as in ``perfusion.oscillation``
    leakage           "none", "bsw" or "bidirectional"
    integration_end   s after the bolus' arrival at which the areas of CBV end; None: chosen from the series
    baseline          begin and end of the baseline, s on the series' clock; None: found in the series

    Raises ``PerfusionError`` for values that make no sense.
    """

    method: str = "bayes"
    kh_over_rho: float = KH_OVER_RHO
    threshold: float | str | None = None
    oscillation: float = 0.035
    as_published: bool = False
    leakage: str = "none"
    integration_end: float | None = None
    baseline: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise PerfusionError(f"The method {self.method!r} is unknown: choose one of {', '.join(METHODS)}.")
        if self.leakage not in LEAKAGE:
            raise PerfusionError(f"The leakage correction {self.leakage!r} is unknown: choose {', '.join(LEAKAGE)}.")
        if not self.kh_over_rho > 0:
            raise PerfusionError(
                f"kH/rho is {self.kh_over_rho}; it must be positive (0.705 mL/g, or 1 for relative maps)."
            )
        if self.threshold == "adaptive" and self.method not in ("ssvd", "csvd"):
            raise PerfusionError(f"An adaptive threshold is for sSVD and cSVD; the method is {self.method}.")
        if self.threshold not in (None, "adaptive") and not (
            isinstance(self.threshold, int | float) and 0 < self.threshold < 1
        ):
            raise PerfusionError(f'The threshold is {self.threshold}; it must lie between 0 and 1 or be "adaptive".')
        if self.as_published and self.method == "bayes":
            raise PerfusionError("As published there are csvd, osvd and ssvd; the method is bayes.")
        if not self.oscillation > 0:
            raise PerfusionError(f"The oscillation limit is {self.oscillation}; it must be positive.")
        if self.integration_end is not None and not self.integration_end > 0:
            raise PerfusionError(
                f"The integration ends {self.integration_end} s after the arrival; give a positive time."
            )
