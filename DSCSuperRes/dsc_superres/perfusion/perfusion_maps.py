"""Perfusion maps as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dsc_superres.perfusion.arterial_input import ArterialInput
from dsc_superres.perfusion.bolus import Bolus
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.perfusion.midline import Midline
from dsc_superres.perfusion.white_matter import WhiteMatterReference


@dataclass(frozen=True, eq=False)
class PerfusionMaps:
    """Perfusion maps, each float32[z, y, x] and 0 outside ``mask``.

    Attributes
    ----------
    cbv : array
        Cerebral blood volume in mL/100 g.
    cbf : array
        Cerebral blood flow in mL/100 g/min.
    mtt : array
        Mean transit time in s: 60 cbv / cbf where both are positive, else 0.
    ttp : array
        Time from the arrival of the bolus to the peak of the tissue curve in s.
    tmax : array
        Time of the peak of the residue in s; negative where tissue is ahead of the artery.
    mask : bool array
        Voxels that were computed.
    aif : ArterialInput
    bolus : Bolus
    warnings : tuple of str
        Sentences about the baseline, the frames, the arterial input and the like.
    provenance : mapping
        Formulas, thresholds, CAPLEX codes and units.
    extra : mapping of str to array
        Further maps: cbv_sd, cbf_sd, mtt_sd, tmax_sd (Bayesian method, in the units of the maps), k1, k2 (leakage), and
        rcbv, rcbf, rcbv_sd, rcbf_sd (relative to the white matter of ``reference``).
    candidates : tuple of ArterialInput
        Arterial inputs found automatically, best first; empty if one was given.
    reference : WhiteMatterReference or None
        The white matter that relative maps refer to; None if there are none.
    regions : mapping of str to bool array
        What helps to read the maps, as in ``perfusion.reading_aids``: fluid, vessels, tmax_above_6s,
        cbf_below_30_percent.
    midline : Midline or None
        The plane between the hemispheres.
    """

    cbv: np.ndarray
    cbf: np.ndarray
    mtt: np.ndarray
    ttp: np.ndarray
    tmax: np.ndarray
    mask: np.ndarray
    aif: ArterialInput
    bolus: Bolus
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)
    candidates: tuple[ArterialInput, ...] = ()
    reference: WhiteMatterReference | None = None
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    midline: Midline | None = None

    @property
    def baseline(self) -> slice:
        """Frames of the baseline."""
        return self.bolus.baseline

    @property
    def bolus_arrival(self) -> float:
        """Arrival of the bolus in the brain in s."""
        return self.bolus.arrival

    @property
    def scale_is_trusted(self) -> bool:
        """Whether absolute values can be read: there is no doubt about the arterial input."""
        return bool(self.provenance.get("absolute_scale_trusted", True))

    def as_dict(self) -> dict[str, np.ndarray]:
        """Return all maps by name, including the extra ones."""
        return {name: getattr(self, name) for name in UNITS} | dict(self.extra)
