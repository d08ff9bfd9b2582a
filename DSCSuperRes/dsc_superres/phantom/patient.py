"""Digital patients: simulated DSC series with known perfusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.phantom import anatomy as tissue
from dsc_superres.phantom.anatomy import TISSUES, build_anatomy
from dsc_superres.phantom.blood_supply import BloodSupply
from dsc_superres.phantom.head import Head, build_head
from dsc_superres.phantom.head_grid import LAYERS, SLICES, HeadGrid
from dsc_superres.phantom.kinetics import KH, RHO, SimulatedArterialInput
from dsc_superres.phantom.lesions import LESION_KINDS, add_lesion, draw_lesion_kind
from dsc_superres.phantom.scanner import Leak, Motion, Protocol, acquire, add_noise, coil, slice_signal
from dsc_superres.phantom.template import NAMES as TEMPLATE_NAMES
from dsc_superres.phantom.template import load_template
from dsc_superres.phantom.truth import slice_truth
from dsc_superres.phantom.vessels import draw_vessels
from dsc_superres.series import Series
from dsc_superres.utils.versions import versions

TRAINING_SEEDS = tuple(range(1000, 1032))
"""Seeds of 32 patients derived from MNI152."""
VALIDATION_SEEDS = tuple(range(2000, 2009))
"""Seeds of 9 patients derived from fsaverage, a different cortex.

Deep nuclei and cerebellum are those of MNI152, warped differently.
"""
KH_OVER_RHO = KH / RHO
"""Hematocrit factor over density of brain, mL/g."""


TRUTH_MAPS = ("cbv", "cbf", "mtt", "delay", "tmax", "tissue", "mask")
"""Names of the maps that are known of a digital patient."""


@dataclass(frozen=True, eq=False)
class DigitalPatient:
    """A simulated series and its ground truth, all on the same grid.

    Attributes
    ----------
    series : Series
        The series as stored by the scanner: Rician noise, whole numbers, int16.
    clean : Series
        The same without noise and rounding, but with motion, blur, coil sensitivity and drift.
    cbv : float32 array, [z, y, x]
        mL/100 g; in large vessels, the apparent value of the kinetic model.
    cbf : float32 array, [z, y, x]
        mL/100 g/min.
    mtt : float32 array, [z, y, x]
        60 CBV / CBF in s.
    delay : float32 array, [z, y, x]
        Arrival after the arterial input in s.
    tmax : float32 array, [z, y, x]
        Maximum of the residue in s: the delay and the effect of dispersion.
    tissue : uint8 array, [z, y, x]
        Most frequent tissue of the voxel, a key of ``names``.
    mask : bool array, [z, y, x]
        Brain, including fluid inside it.
    aif : SimulatedArterialInput
        Arterial input at the frame times in units of tissue, which gives these maps with ``kh_over_rho``. Arteries in
        the images show less because their blood has a lower relaxivity: an input measured there overestimates CBV and
        CBF by a common factor, as in vivo.
    description : dict
        Parameters that were drawn for this patient.
    vessels : float32 array, [z, y, x]
        Share of large arteries and veins in the voxel, 0..1.
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
    aif: SimulatedArterialInput
    description: dict[str, object]
    vessels: np.ndarray
    kh_over_rho: float = KH_OVER_RHO

    @property
    def names(self) -> dict[int, str]:
        """Names of the values of ``tissue``."""
        return dict(TISSUES)

    def truth_maps(self) -> dict[str, np.ndarray]:
        """Return all maps [z, y, x] by name."""
        maps = {name: getattr(self, name) for name in TRUTH_MAPS}
        return maps | {"mask": self.mask.astype(np.uint8)}


def digital_patient(
    seed: int,
    *,
    slices: int | None = None,
    frames: int = 60,
    matrix: int = 256,
    template: str | None = None,
    lesion: str | None = None,
    protocol: Mapping[str, float] | None = None,
    artery_share: float | None = None,
    artery_dispersion: float = 0.0,
) -> DigitalPatient:
    """Return the digital patient of a seed, which is always the same.

    Parameters
    ----------
    seed : int
    slices : int, optional
        Number of slices, 20 by default and at most 22: the middle ones of the same head, pixel for pixel.
    frames : int
    matrix : int
        Number of rows and columns.
    template : {"mni152", "fsaverage"}, optional
        Base anatomy; "fsaverage" for validation seeds and "mni152" for others by default.
    lesion : {"glioma", "stroke", "none"}, optional
        Kind of lesion; drawn at random by default.
    protocol : mapping, optional
        Values for fields of ``scanner.Protocol`` (``snr``, ``echo_time``, ``repetition_time``, ...) that are drawn at
        random otherwise.
    artery_share : float, optional
        Thin arteries as in measured series: they fill at most this share of a pixel, 0..1, and their field dephases the
        tissue around them, so that Delta R2* of a pixel grows with its share of blood. By default, arteries have the
        width and the signal of ``vessels`` and ``blood_supply``, which fill whole pixels.
    artery_dispersion : float
        Time constant in s by which arteries show the bolus dispersed, 0 by default; tissue is supplied as before.

    Raises
    ------
    SeriesError
        For sizes, shares or names that are not possible.
    """
    slices = 20 if slices is None else slices
    template = template or ("fsaverage" if seed in VALIDATION_SEEDS else "mni152")
    _check_sizes(seed, slices, frames, matrix)
    _check_arteries(artery_share, artery_dispersion)
    _check_name("base anatomy", template, TEMPLATE_NAMES)
    _check_name("lesion", lesion or "none", LESION_KINDS)
    # Separate random streams, so that neither matrix nor slices change the bolus or the protocol.
    shape, vascular, pathology, tissues, blood, scan, noise = np.random.default_rng(seed).spawn(7)
    protocol = replace(Protocol.draw(scan), **(protocol or {}))
    times = np.arange(frames) * protocol.repetition_time
    grid = HeadGrid.draw(shape, matrix)
    anatomy = build_anatomy(shape, grid, load_template(template))
    kind = draw_lesion_kind(pathology)
    kind = lesion or kind
    labels, fluid = add_lesion(pathology, anatomy, kind)
    artery, vein = draw_vessels(vascular, anatomy)
    head = build_head(tissues, anatomy, labels, fluid, (np.float32(artery_share or 1.0) * artery, vein))
    blood_supply = BloodSupply.draw(blood, protocol.echo_time, times[-1], artery_dispersion, artery_share is not None)
    leak = Leak.draw(blood, blood_supply.bolus, times)
    clean, noisy, truth = _scan(scan, noise, head, blood_supply, leak, protocol, times, slices)
    return DigitalPatient(
        **_noisy_and_clean_series(seed, grid, protocol, times, clean, noisy),
        **truth,
        aif=SimulatedArterialInput(times, blood_supply.bolus.at(times)),
        description={"seed": seed, "template": template, "lesion": kind, "sigma": protocol.noise}
        | {"artery_share": artery_share, "artery_dispersion": artery_dispersion}
        | asdict(protocol)
        | blood_supply.description(),
    )


def _scan(
    scan: np.random.Generator,
    noise: np.random.Generator,
    head: Head,
    blood_supply: BloodSupply,
    leak: Leak,
    protocol: Protocol,
    times: np.ndarray,
    slices: int,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the clean and the noisy signal of the middle slices, float32[t, z, y, x], and their maps."""
    plane = head.labels.shape[1:]
    sensitivity = coil(scan, (SLICES, *plane))
    motion = Motion.draw(scan, times.size, protocol.motion)
    streams = noise.spawn(SLICES)
    clean = np.empty((times.size, slices, *plane), np.float32)
    noisy = np.empty_like(clean)
    truth_of_slices = []
    for z in range(slices):
        index = z + (SLICES - slices) // 2
        parts = blood_supply.compartments(head, index)
        image = slice_signal(parts, protocol, times, leak, plane)
        clean[:, z] = acquire(image, protocol, sensitivity[index], motion)
        head_pixels = _head_in_slice(head.labels, index) if protocol.silent_background else None
        noisy[:, z] = add_noise(streams[index], clean[:, z], protocol.noise, head_pixels)
        truth_of_slices.append(slice_truth(parts, head, index))
    return clean, noisy, {name: np.stack([truth[name] for truth in truth_of_slices]) for name in truth_of_slices[0]}


def _check_name(what: str, name: str, names: tuple[str, ...]) -> None:
    """Raise ``SeriesError`` for an unknown name."""
    if name not in names:
        raise SeriesError(f"There is no {what} {name!r} for a digital patient: choose one of {', '.join(names)}.")


def _check_sizes(seed: int, slices: int, frames: int, matrix: int) -> None:
    """Raise ``SeriesError`` for sizes that cannot be built."""
    if seed < 0:
        raise SeriesError(f"The seed of a digital patient is a whole number from 0; {seed} was given.")
    if not 1 <= slices <= SLICES:
        raise SeriesError(f"A digital patient has 1 to {SLICES} slices; {slices} were asked for.")
    if frames < 2:
        raise SeriesError(f"A digital patient needs at least 2 frames; {frames} were asked for.")
    if matrix < 64 or matrix % 2:
        raise SeriesError(f"The matrix of a digital patient is an even number from 64; {matrix} was asked for.")


def _check_arteries(share: float | None, dispersion: float) -> None:
    """Raise ``SeriesError`` for arteries that are not possible."""
    if share is not None and not 0 < share <= 1:
        raise SeriesError(f"Arteries fill a share above 0 and up to 1 of a pixel; {share:g} was asked for.")
    if not 0 <= dispersion <= 10:
        raise SeriesError(f"Arteries disperse the bolus by 0 to 10 s; {dispersion:g} s was asked for.")


def _head_in_slice(labels: np.ndarray, index: int) -> np.ndarray:
    """Return the head in slice ``index``, bool[y, x]; some scanners store zero outside of it."""
    return (labels[index * LAYERS : (index + 1) * LAYERS] != tissue.BACKGROUND).any(0)


def _noisy_and_clean_series(
    seed: int, grid: HeadGrid, protocol: Protocol, times: np.ndarray, clean: np.ndarray, noisy: np.ndarray
) -> dict[str, Series]:
    """Return the noisy and the clean series by field name."""
    sources = dict.fromkeys(("times", "geometry", "echo_time"), "simulated")
    common = {
        "times": times,
        "geometry": grid.series_geometry(clean.shape[1]),
        "echo_time": protocol.echo_time,
        "sources": sources,
        "provenance": {"role": "digital patient", "versions": versions(), "settings": {"seed": seed}},
    }
    return {
        "series": Series(noisy, scalar_type=np.int16, name=f"digital patient {seed}", **common),
        "clean": Series(clean, name=f"digital patient {seed} without noise", **common),
    }
