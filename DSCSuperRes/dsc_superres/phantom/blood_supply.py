"""The blood supply of a head: its bolus, the curves of all kinds of tissue, and the resulting compartments."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from dsc_superres.phantom import anatomy as tissue
from dsc_superres.phantom.head import Head
from dsc_superres.phantom.head_grid import LAYERS
from dsc_superres.phantom.kinetics import KH, RHO, SimulatedBolus, SimulatedResidue, TissueCurves
from dsc_superres.phantom.scanner import Compartment

ARTERY_MTT = 1.0
"""Transit time in s through a large artery, which smooths the bolus."""
THIN_ARTERY_EFFECT = 0.5
"""Delta R2* of a pixel due to the field of an artery, over that of the same blood in capillaries."""
VEIN_MTT = 3.0
"""Transit time in s through a large vein."""
VEIN_DELAY = 4.0
"""Delay in s of veins after the tissue that they drain."""


@dataclass(frozen=True, eq=False)
class BloodSupply:
    """The curves of each kind of tissue and the apparent blood volume (mL/100 g) of pure artery and vein.

    Blood in a large vessel changes R2* less than the same blood in a capillary bed. Vessels therefore have the volume
    that an analysis with the relaxivity of tissue would find in them.
    """

    bolus: SimulatedBolus
    normal: TissueCurves
    tumor: TissueCurves
    stroke: TissueCurves
    vessel: TissueCurves
    artery: TissueCurves
    artery_cbv: float
    vein_cbv: float
    thin_arteries: bool = False

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        echo_time: float,
        duration: float,
        artery_dispersion: float = 0.0,
        thin_arteries: bool = False,
    ) -> BloodSupply:
        """Draw a bolus whose dose reduces the signal of gray matter by 40 to 64 %, and curves of ``duration`` s.

        Arteries show the bolus dispersed by ``artery_dispersion`` s; thin ones act by the field around them.
        """
        duration = max(duration, 90.0)
        bolus, normal = SimulatedBolus.draw(rng), SimulatedResidue(float(rng.choice([1.0, 1.0, 2.0, 3.0])))
        peak = _peak(TissueCurves(bolus, normal, duration), 4.0)
        area = -np.log(1 - rng.uniform(0.40, 0.64)) / echo_time / (60 * peak)
        bolus = replace(bolus, area=float(area))
        residues = {
            "normal": normal,
            "tumor": SimulatedResidue(float(rng.choice([1.0, 2.0, 4.0]))),
            "stroke": SimulatedResidue(1.0, float(rng.uniform(0.5, 2.0))),
            "vessel": SimulatedResidue(2.0),
            "artery": SimulatedResidue(2.0, artery_dispersion),
        }
        curves = {name: TissueCurves(bolus, residue, duration) for name, residue in residues.items()}
        # The signal of pure blood falls to 5 to 20 %: dark, but usually above the noise.
        artery = _apparent_volume(curves["vessel"], ARTERY_MTT, rng.uniform(2.0, 3.0) / echo_time)
        vein = _apparent_volume(curves["vessel"], VEIN_MTT, rng.uniform(1.5, 2.2) / echo_time)
        if thin_arteries:
            artery = THIN_ARTERY_EFFECT * 100 * KH / RHO
        return cls(bolus, **curves, artery_cbv=artery, vein_cbv=vein, thin_arteries=thin_arteries)

    def description(self) -> dict[str, object]:
        """Return the parameters as plain values."""
        kinds = ("normal", "tumor", "stroke", "vessel", "artery")
        residues = {name: asdict(getattr(self, name).residue) for name in kinds}
        return {"bolus": asdict(self.bolus), "residues": residues} | {
            "artery_cbv": self.artery_cbv,
            "vein_cbv": self.vein_cbv,
        }

    def compartments(self, head: Head, index: int) -> list[Compartment]:
        """Return the compartments of slice ``index`` of the whole head."""
        layers = slice(index * LAYERS, (index + 1) * LAYERS)
        layer_values = {name: getattr(head, name)[layers].reshape(LAYERS, -1) for name in head.__dataclass_fields__}
        lesion = np.isin(layer_values["labels"], (tissue.RIM, tissue.NECROSIS, tissue.EDEMA))
        stroke = np.isin(layer_values["labels"], (tissue.CORE, tissue.PENUMBRA))
        in_head = layer_values["labels"] != tissue.BACKGROUND
        rest = 1 - layer_values["artery"] - layer_values["vein"]
        tissue_share = rest * (1 - layer_values["fluid"])
        groups = ((in_head & ~lesion & ~stroke, self.normal), (lesion, self.tumor), (stroke, self.stroke))
        compartments = [self._compartment(layer_values, voxels, tissue_share, curves) for voxels, curves in groups]
        for name, share, values in (
            ("fluid", rest * layer_values["fluid"], {"density": 1.0, "t1": 4.0, "r2": 4.0, "cbf": 0.0, "mtt": 1.0}),
            ("artery", layer_values["artery"], _blood(self.artery_cbv, ARTERY_MTT, t1=1.3, t2star=0.045)),
            ("vein", layer_values["vein"], _blood(self.vein_cbv, VEIN_MTT, t1=1.6, t2star=0.022)),
        ):
            r2star = layer_values["air"] + values.pop("r2")
            delay = {"fluid": 1.0, "artery": 0.3, "vein": 1.0}[name] * layer_values["delay"] + VEIN_DELAY * (
                name == "vein"
            )
            constants = {key: np.full_like(tissue_share, value) for key, value in values.items()}
            mixed = layer_values | constants | {"r2star": r2star, "delay": delay, "ktrans": np.zeros_like(tissue_share)}
            curves = self.artery if name == "artery" else self.vessel
            dephasing = name == "artery" and self.thin_arteries
            compartments.append(replace(self._compartment(mixed, share > 0, share, curves), dephasing=dephasing))
        return compartments

    @staticmethod
    def _compartment(
        part: dict[str, np.ndarray], where: np.ndarray, share: np.ndarray, curves: TissueCurves
    ) -> Compartment:
        """Return the compartment of the voxels in ``where``."""
        names = ("density", "t1", "r2star", "cbf", "mtt", "delay", "ktrans")
        values = {name: part[name][where] for name in names}
        return Compartment(pixel=np.nonzero(where)[1], share=share[where] / LAYERS, curves=curves, **values)


def _blood(cbv: float, mtt: float, t1: float, t2star: float) -> dict[str, float]:
    """Return the properties of pure blood."""
    return {"density": 0.85, "t1": t1, "r2": 1 / t2star, "cbf": 60 * cbv / mtt, "mtt": mtt}


def _peak(curves: TissueCurves, mtt: float) -> float:
    """Return the maximum of Delta R2* (1/s) of tissue with ``mtt`` (s), per mL/100 g/min."""
    return float(curves.table[int(np.rint(curves.position(np.float32(mtt))))].max())


def _apparent_volume(curves: TissueCurves, mtt: float, peak: float) -> float:
    """Return the CBV (mL/100 g) of blood with a maximum Delta R2* of ``peak`` (1/s), at most that of pure blood."""
    return min(peak / _peak(curves, mtt) * mtt / 60, 100 * KH / RHO)
