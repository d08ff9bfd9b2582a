"""Options for the computation of perfusion maps."""

from __future__ import annotations

from dataclasses import dataclass

from dsc_superres.errors import PerfusionError

METHODS = ("bayes", "csvd", "osvd", "ssvd")
"""Names of the deconvolution methods."""
LEAKAGE = ("none", "bsw", "bidirectional")
"""Names of the leakage corrections."""
KH_OVER_RHO = (1 - 0.45) / (1 - 0.25) / 1.04
"""Default hematocrit factor over brain density in mL/g, for hematocrits of 0.45 and 0.25 and 1.04 g/mL."""


@dataclass(frozen=True)
class MapOptions:
    """Options for the computation of perfusion maps, checked when they are created.

    Parameters
    ----------
    method : {"bayes", "csvd", "osvd", "ssvd"}
        Deconvolution method; "bayes" needs PyTorch.
    kh_over_rho : float
        Hematocrit factor over brain density in mL/g, in both CBV and CBF (CAPLEX M.ID1.006).
    threshold : float, "adaptive" or None
        sSVD and cSVD: smallest singular value as share of the largest; None for the published 0.2 and 0.1, "adaptive"
        for the best one at the interval and the noise of the series. oSVD: step between the thresholds that are tried;
        None for the published 0.05.
    oscillation : float
        oSVD: limit of the oscillation index.
    as_published : bool
        oSVD: exactly as published, where CBF depends on the delay; otherwise as in ``perfusion.oscillation``.
    leakage : {"none", "bsw", "bidirectional"}
        Leakage correction.
    integration_end : float or None
        End of the areas of CBV in s after the arrival of the bolus; None to choose it from the series.
    baseline : tuple of 2 floats or None
        Begin and end of the baseline as frame times in s; None to find it in the series.
    spatial_prior : bool
        Bayesian method: neighboring voxels have similar transit times and delays, as far as the data say so; see
        ``perfusion.spatial_prior``.

    Raises
    ------
    PerfusionError
        For values that are not possible.

    Examples
    --------
    >>> MapOptions(method="csvd", threshold="adaptive").threshold
    'adaptive'
    >>> MapOptions(method="fourier")
    Traceback (most recent call last):
        ...
    dsc_superres.errors.PerfusionError: The method 'fourier' is unknown: choose one of bayes, csvd, osvd, ssvd.
    """

    method: str = "bayes"
    kh_over_rho: float = KH_OVER_RHO
    threshold: float | str | None = None
    oscillation: float = 0.035
    as_published: bool = False
    leakage: str = "none"
    integration_end: float | None = None
    baseline: tuple[float, float] | None = None
    spatial_prior: bool = True

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
            raise PerfusionError('"As published" applies to csvd, osvd and ssvd; the method is bayes.')
        if not self.oscillation > 0:
            raise PerfusionError(f"The oscillation limit is {self.oscillation}; it must be positive.")
        if self.integration_end is not None and not self.integration_end > 0:
            raise PerfusionError(
                f"The integration ends {self.integration_end} s after the arrival; give a positive time."
            )
