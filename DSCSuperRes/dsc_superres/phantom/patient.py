"""Digital patients: DSC series whose perfusion is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.phantom import anatomy as tissue
from dsc_superres.phantom.anatomy import TISSUES, build_anatomy
from dsc_superres.phantom.grid import LAYERS, SLICES, Grid
from dsc_superres.phantom.head import Head, Supply, apparent_volume, furnish
from dsc_superres.phantom.kinetics import KH, RHO, STEP, ArterialInput, Bolus, Residue, TissueCurves
from dsc_superres.phantom.lesions import KINDS, add_lesion, draw_kind
from dsc_superres.phantom.scanner import Compartment, Leak, Motion, Protocol, acquire, add_noise, coil, slice_signal
from dsc_superres.phantom.template import NAMES as TEMPLATES
from dsc_superres.phantom.template import load_template
from dsc_superres.phantom.vessels import draw_vessels
from dsc_superres.series import Series

TRAINING_SEEDS = tuple(range(1000, 1032))
VALIDATION_SEEDS = tuple(range(2000, 2009))
KH_OVER_RHO = KH / RHO


@dataclass(frozen=True, eq=False)
class DigitalPatient:
    """A simulated series and the truth behind it, all on the same grid.

    series     what the scanner stores: Rician noise, whole numbers, int16
    clean      the same without noise and rounding; motion, blur, coil and drift kept
    cbv        float32[z, y, x], mL/100 g; in large vessels the apparent value that the kinetics uses
    cbf        mL/100 g/min
    mtt        s, 60 CBV / CBF
    delay      s, arrival after the arterial input
    tmax       s, maximum of the residue: the delay, plus what dispersion adds
    tissue     uint8, keys of ``names``: the most frequent tissue of the voxel
    mask       bool: brain, fluid inside it included
    aif        the arterial input at the frame times, in units of tissue (with ``kh_over_rho`` it gives these maps)
    description what was drawn for this patient
    """

    series: Series
    clean: Series
    cbv: np.ndarray
    cbf: np.ndarray
    mtt: np.ndarray
    delay: np.ndarray
    tmax: np.ndarray
    tissue: np.ndarray
    mask: np.ndarray
    aif: ArterialInput
    description: dict[str, object]
    kh_over_rho: float = KH_OVER_RHO

    @property
    def names(self) -> dict[int, str]:
        """What each value of ``tissue`` means."""
        return dict(TISSUES)

    def truth_maps(self) -> dict[str, np.ndarray]:
        """Every map [z, y, x] by the name of the file that would hold it."""
        maps = {name: getattr(self, name) for name in ("cbv", "cbf", "mtt", "delay", "tmax", "tissue")}
        return maps | {"mask": self.mask.astype(np.uint8)}


def digital_patient(
    seed: int,
    *,
    slices: int | None = None,
    frames: int = 60,
    matrix: int = 256,
    template: str | None = None,
    lesion: str | None = None,
) -> DigitalPatient:
    """The patient of ``seed``: always the same one.

    ``slices`` (20 unless given, at most 22) are the middle ones of the same head, pixel for pixel.
    ``template`` is the base anatomy: "mni152" unless ``seed`` is a validation seed, then "fsaverage".
    ``lesion`` is "glioma", "stroke" or "none"; drawn unless given.
    Raises ``SeriesError`` for sizes that cannot be built.
    """
    slices = 20 if slices is None else slices
    template = template or ("fsaverage" if seed in VALIDATION_SEEDS else "mni152")
    _check(seed, slices, frames, matrix)
    _check_name("base anatomy", template, TEMPLATES)
    _check_name("lesion", lesion or "none", KINDS)
    shape_rng, tissue_rng, scan_rng, noise_rng = np.random.default_rng(seed).spawn(4)
    protocol = Protocol.draw(scan_rng)
    times = np.arange(frames) * protocol.repetition_time
    grid = Grid.draw(shape_rng, matrix)
    anatomy = build_anatomy(shape_rng, grid, load_template(template))
    vessels = draw_vessels(shape_rng, anatomy)
    kind = draw_kind(shape_rng)
    kind = lesion or kind
    labels, fluid = add_lesion(shape_rng, anatomy, kind)
    leakage = tissue_rng.uniform(0.02, 0.25) / 60
    head = furnish(tissue_rng, anatomy, labels, fluid, vessels, leakage)
    supply, bolus, drawn = _supply(tissue_rng, protocol, times[-1])
    leak = _leak(tissue_rng, bolus, times)

    sensitivity = coil(scan_rng, (SLICES, matrix, matrix))
    motion = Motion.draw(scan_rng, frames, protocol.motion)
    sigma = _grey_signal(protocol) / protocol.snr
    streams = noise_rng.spawn(SLICES)
    clean = np.empty((frames, slices, matrix, matrix), np.float32)
    noisy = np.empty_like(clean)
    truths = []
    for at in range(slices):
        index = at + (SLICES - slices) // 2
        parts = supply.compartments(head, index)
        image = slice_signal(parts, protocol, times, leak, (matrix, matrix))
        clean[:, at] = acquire(image, protocol, sensitivity[index], motion)
        near = _near_head(labels, index) if protocol.silent_background else None
        noisy[:, at] = add_noise(streams[index], clean[:, at], sigma, near)
        truths.append(_truth(parts, head, index))
    return DigitalPatient(
        **_both_series(seed, grid, protocol, times, clean, noisy),
        **{name: np.stack([truth[name] for truth in truths]) for name in truths[0]},
        aif=ArterialInput(times, _sampled(bolus, times)),
        description={
            "seed": seed,
            "template": template,
            "lesion": kind,
            **asdict(protocol),
            **drawn,
            "ktrans": leakage,
            "sigma": sigma,
        },
    )


def _check_name(what: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise SeriesError(f"There is no {what} {name!r} for a digital patient: choose one of {', '.join(names)}.")


def _check(seed: int, slices: int, frames: int, matrix: int) -> None:
    if seed < 0:
        raise SeriesError(f"The seed of a digital patient is a whole number from 0; {seed} was given.")
    if not 1 <= slices <= SLICES:
        raise SeriesError(f"A digital patient has 1 to {SLICES} slices; {slices} were asked for.")
    if frames < 2:
        raise SeriesError(f"A digital patient needs at least 2 frames; {frames} were asked for.")
    if matrix < 32 or matrix % 2:
        raise SeriesError(f"The matrix of a digital patient is an even number from 32; {matrix} was asked for.")


def _supply(rng: np.random.Generator, protocol: Protocol, duration: float) -> tuple[Supply, Bolus, dict[str, object]]:
    """The bolus, scaled so that grey matter's signal falls by a drawn fraction, and every tissue's curves."""
    bolus = Bolus.draw(rng)
    drop = rng.uniform(0.40, 0.64)
    normal = Residue(float(rng.choice([1.0, 1.0, 2.0, 3.0])))
    peak = TissueCurves(bolus, normal, max(duration, 90)).table[32].max()
    area = -np.log(1 - drop) / protocol.echo_time / (60 * peak)
    bolus = Bolus(**{**asdict(bolus), "area": float(area)})
    residues = {
        "normal": normal,
        "tumour": Residue(float(rng.choice([1.0, 2.0, 4.0]))),
        "stroke": Residue(1.0, float(rng.uniform(0.5, 2.0))),
        "vessel": Residue(2.0),
    }
    curves = {name: TissueCurves(bolus, residue, max(duration, 90)) for name, residue in residues.items()}
    volumes = {
        "artery_cbv": apparent_volume(curves["vessel"], 1.0, rng.uniform(2.0, 3.0), protocol.echo_time),
        "vein_cbv": apparent_volume(curves["vessel"], 3.0, rng.uniform(1.5, 2.2), protocol.echo_time),
    }
    drawn = {"bolus": asdict(bolus), "grey_drop": drop, "residues": {k: asdict(v) for k, v in residues.items()}}
    return Supply(**curves, **volumes), bolus, drawn | volumes


def _sampled(bolus: Bolus, times: np.ndarray) -> np.ndarray:
    fine = np.arange(0, max(times[-1], 90) + 2 * STEP, STEP)
    return np.interp(times, fine, bolus(fine))


def _leak(rng: np.random.Generator, bolus: Bolus, times: np.ndarray) -> Leak:
    """Agent outside leaky vessels (two-compartment exchange, back-flux included), mM per ktrans of 1/s."""
    fine = np.arange(0, max(times[-1], 90) + 2 * STEP, STEP)
    tissue_relaxivity, backflux = 50.0, rng.uniform(0.1, 0.8) / 60
    held = np.cumsum(bolus(fine) / tissue_relaxivity * np.exp(backflux * fine)) * STEP * np.exp(-backflux * fine)
    return Leak(np.interp(times, fine, held), r2star=float(rng.uniform(5, 30)))


def _grey_signal(protocol: Protocol) -> float:
    """The stored steady-state signal of typical grey matter: what SNR refers to."""
    rest = np.exp(-protocol.repetition_time / 1.35)
    angle = np.radians(protocol.flip_angle)
    steady = np.sin(angle) * (1 - rest) / (1 - np.cos(angle) * rest)
    return protocol.scale * 0.84 * steady * np.exp(-protocol.echo_time / 0.052)


def _near_head(labels: np.ndarray, index: int) -> np.ndarray:
    """bool[y, x]: the head in slice ``index``, outside of which some scanners store zero."""
    return (labels[index * LAYERS : (index + 1) * LAYERS] != tissue.BACKGROUND).any(0)


def _truth(parts: list[Compartment], head: Head, index: int) -> dict[str, np.ndarray]:
    """The maps of one slice: volumes and flows add up over what a voxel holds, times are weighted by flow."""
    shape = head.labels.shape[1:]

    def total(values: list[np.ndarray]) -> np.ndarray:
        summed = sum(np.bincount(p.pixel, v, shape[0] * shape[1]) for p, v in zip(parts, values, strict=True))
        return summed.reshape(shape).astype(np.float32)

    flows = [p.share * p.cbf for p in parts]
    cbf = total(flows)
    cbv = total([f * p.mtt / 60 for f, p in zip(flows, parts, strict=True)])
    safe = np.maximum(cbf, 1e-6)
    delay = total([f * p.delay for f, p in zip(flows, parts, strict=True)]) / safe
    late = total([f * p.curves.time_to_peak(p.mtt) for f, p in zip(flows, parts, strict=True)]) / safe
    layers = slice(index * LAYERS, (index + 1) * LAYERS)
    fluid, artery, vein = (getattr(head, name)[layers] for name in ("fluid", "artery", "vein"))
    left = (1 - artery - vein) * (1 - fluid)
    volumes = np.stack([((head.labels[layers] == label) * left).sum(0) for label in TISSUES])
    volumes[tissue.CSF] = ((1 - artery - vein) * fluid).sum(0)
    volumes[tissue.ARTERY], volumes[tissue.VEIN] = artery.sum(0), vein.sum(0)
    brain = volumes[tissue.CSF :].sum(0) > LAYERS / 2
    return {
        "cbv": cbv,
        "cbf": cbf,
        "mtt": 60 * cbv / safe,
        "delay": delay,
        "tmax": delay + late,
        "tissue": volumes.argmax(0).astype(np.uint8),
        "mask": brain,
    }


def _both_series(seed, grid: Grid, protocol: Protocol, times, clean, noisy) -> dict[str, Series]:
    sources = dict.fromkeys(("times", "geometry", "echo_time"), "simulated")
    common = {
        "times": times,
        "geometry": grid.series_geometry(clean.shape[1]),
        "echo_time": protocol.echo_time,
        "sources": sources,
    }
    return {
        "series": Series(noisy, scalar_type=np.int16, name=f"digital patient {seed}", **common),
        "clean": Series(clean, name=f"digital patient {seed} without noise", **common),
    }
