"""A gradient-echo EPI scanner: images from tissue and contrast agent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dsc_superres.phantom.kinetics import TABLE_STEP, SimulatedBolus, TissueCurves

R1_RELAXIVITY = 4.5
"""R1 relaxivity of the contrast agent in tissue, 1/(s mM)."""
TISSUE_RELAXIVITY = 50.0
"""R2* relaxivity of contrast agent inside capillaries, 1/(s mM), which relates Delta R2* to concentration."""


@dataclass(frozen=True)
class Protocol:
    """Acquisition parameters. Times are in s, the flip angle in degrees, blur and motion in pixels."""

    echo_time: float
    repetition_time: float
    flip_angle: float
    dummies: int
    snr: float
    scale: float
    blur: tuple[float, float]
    drift: float
    motion: float
    silent_background: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Protocol:
        """Draw a protocol in the range of the study: TE 30 to 40 ms, TR about 1.5 s, flip angle 35 to 90 degrees."""
        return cls(
            echo_time=float(rng.uniform(0.030, 0.040)),
            repetition_time=float(rng.choice([1.4, 1.45, 1.5, 1.5, 1.5, 1.55, 1.6])),
            flip_angle=float(rng.uniform(35, 90)),
            dummies=int(rng.choice([0, 0, 0, 0, 1])),
            snr=float(np.exp(rng.uniform(np.log(40), np.log(150)))),
            scale=float(rng.uniform(900, 3000)),
            blur=(float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.25, 0.5))),
            drift=float(rng.normal(0, 0.004)),
            motion=float(rng.uniform(0.02, 0.12)),
            silent_background=bool(rng.uniform() < 0.3),
        )

    @property
    def noise(self) -> float:
        """Standard deviation of the noise as stored; ``snr`` refers to gray matter in the steady state."""
        relaxation = np.exp(-self.repetition_time / 1.35)
        angle = np.radians(self.flip_angle)
        steady_state = np.sin(angle) * (1 - relaxation) / (1 - np.cos(angle) * relaxation)
        return float(self.scale * 0.84 * steady_state * np.exp(-self.echo_time / 0.052) / self.snr)


@dataclass(frozen=True, eq=False)
class Compartment:
    """Voxels with one kind of blood supply. All arrays are float32[n] except ``pixel``.

    pixel      int[n], index into the slice (row-major y, x); several entries may share a pixel
    share      of the volume of that pixel
    density    relative to water
    t1         s
    r2star     1/s, before the bolus
    cbf        mL/100 g/min
    mtt        s
    delay      s
    ktrans     1/s
    curves     tissue curves of this blood supply
    dephasing  a thin vessel: rather than by its own signal, it acts on that of all others in its pixels
    """

    pixel: np.ndarray
    share: np.ndarray
    density: np.ndarray
    t1: np.ndarray
    r2star: np.ndarray
    cbf: np.ndarray
    mtt: np.ndarray
    delay: np.ndarray
    ktrans: np.ndarray
    curves: TissueCurves
    dephasing: bool = False


@dataclass(frozen=True, eq=False)
class Leak:
    """Contrast agent outside the vessels.

    concentration   mM per unit of ktrans at each frame
    r2star          R2* relaxivity, 1/(s mM)
    """

    concentration: np.ndarray
    r2star: float

    @classmethod
    def draw(cls, rng: np.random.Generator, bolus: SimulatedBolus, times: np.ndarray) -> Leak:
        """Draw a two-compartment exchange with back-flux (Tofts) from the plasma concentration of ``bolus``."""
        fine = np.arange(0, times[-1] + 1, TABLE_STEP)
        backflux = rng.uniform(0.1, 0.8) / 60
        plasma = bolus(fine) / TISSUE_RELAXIVITY
        tissue_concentration = np.cumsum(plasma * np.exp(backflux * fine)) * TABLE_STEP * np.exp(-backflux * fine)
        return cls(np.interp(times, fine, tissue_concentration), r2star=float(rng.uniform(5, 30)))


def slice_signal(
    compartments: list[Compartment], protocol: Protocol, times: np.ndarray, leak: Leak, shape: tuple[int, int]
) -> np.ndarray:
    """Return the magnetization sampled by the echo, float32[t, y, x], before the imperfections of the scanner.

    Spoiled gradient echo: Mz starts at rest and is computed from pulse to pulse. The first frames are therefore
    brighter than the steady state, and T1 shortening by extravasated agent has the same effect as in vivo.
    """
    images = np.zeros((times.size, shape[0] * shape[1]), np.float32)
    sine, cosine = (np.float32(f(np.radians(protocol.flip_angle))) for f in (np.sin, np.cos))
    for part in compartments:
        if part.pixel.size == 0 or part.dephasing:
            continue
        position = part.curves.position(part.mtt)
        leaking = bool(part.ktrans.any())
        relaxation = np.exp(-protocol.repetition_time / part.t1)
        amplitude = part.share * part.density * sine * np.exp(-protocol.echo_time * part.r2star)
        mz = np.ones_like(relaxation)
        for _ in range(protocol.dummies):
            mz = 1 - (1 - mz * cosine) * relaxation
        for frame, time in enumerate(times):
            change = part.curves(time, part.cbf, position, part.delay)
            decay = relaxation
            if leaking:
                agent = np.float32(leak.concentration[frame]) * part.ktrans
                change = change + leak.r2star * agent
                decay = relaxation * np.exp(-protocol.repetition_time * R1_RELAXIVITY * agent)
            signal = amplitude * mz * np.exp(-protocol.echo_time * change)
            images[frame] += np.bincount(part.pixel, signal, images.shape[1])
            mz = 1 - (1 - mz * cosine) * decay
    for part in compartments:
        if part.dephasing and part.pixel.size:
            _dephase(images, part, protocol.echo_time, times)
    return images.reshape(times.size, *shape)


def _dephase(images: np.ndarray, part: Compartment, echo_time: float, times: np.ndarray) -> None:
    """Reduce images[t, pixel] in place by the field of the vessels of ``part``."""
    position = part.curves.position(part.mtt)
    for image, time in zip(images, times, strict=True):
        change = part.share * part.curves(time, part.cbf, position, part.delay)
        image *= np.exp(-echo_time * np.bincount(part.pixel, change, image.size)).astype(np.float32)


def coil(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Draw a receive sensitivity, float32[z, y, x]: a smooth field around 1, stronger toward the edge."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    linear = rng.normal(0, (0.05, 0.10, 0.08))
    square = rng.uniform(0.05, 0.35, 2)
    exponent = linear[0] * z + linear[1] * y + linear[2] * x + square[0] * y**2 + square[1] * x**2
    return np.exp(exponent + rng.normal(0, 0.06) * x * y - square.mean() / 4).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Motion:
    """In-plane rigid motion per frame: shifts float[t, 2] (y, x; pixels) and rotations float[t] (radians)."""

    shift: np.ndarray
    turn: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, frames: int, size: float) -> Motion:
        """Draw a slow drift and a small jitter; ``size`` is the standard deviation of the shift in pixels."""
        drift = ndimage.gaussian_filter1d(rng.normal(size=(frames, 3)), 8, axis=0, mode="nearest")
        displacement = 0.8 * drift / drift.std(0) + 0.3 * rng.normal(size=(frames, 3))
        displacement = np.clip(displacement - displacement[0], -3, 3) * size
        return cls(displacement[:, :2], displacement[:, 2] / 100)


def acquire(images: np.ndarray, protocol: Protocol, sensitivity: np.ndarray, motion: Motion) -> np.ndarray:
    """Return images as stored by a scanner without noise, float32[t, y, x].

    Motion, point spread, coil sensitivity, drift and scale are applied.
    """
    images = _move(images, motion)
    for axis, width in ((1, protocol.blur[0]), (2, protocol.blur[1])):
        images = ndimage.gaussian_filter1d(images, width, axis=axis, truncate=3)
    drift = 1 + protocol.drift * np.linspace(0, 1, len(images), dtype=np.float32)
    return images * (np.float32(protocol.scale) * sensitivity) * drift[:, None, None]


def _move(images: np.ndarray, motion: Motion) -> np.ndarray:
    """Return images moved by less than a pixel, by quadratic interpolation along y, then x."""
    _, height, width = images.shape
    rows = (np.arange(height) - (height - 1) / 2).astype(np.float32)
    columns = (np.arange(width) - (width - 1) / 2).astype(np.float32)
    turn, shift = motion.turn.astype(np.float32), motion.shift.astype(np.float32)
    by_y = shift[:, 0, None, None] + turn[:, None, None] * columns
    by_x = shift[:, 1, None, None] - turn[:, None, None] * rows[:, None]
    for axis, step in ((1, by_y), (2, by_x)):
        before, after = np.roll(images, 1, axis), np.roll(images, -1, axis)
        images = images + step / 2 * (after - before) + step**2 / 2 * (after - 2 * images + before)
    return images


def add_noise(rng: np.random.Generator, images: np.ndarray, sigma: float, visible: np.ndarray | None) -> np.ndarray:
    """Add Rician noise and round to the range of int16 (still float32); 0 outside ``visible`` if given."""
    real = images + np.float32(sigma) * rng.standard_normal(images.shape, np.float32)
    noisy = np.hypot(real, np.float32(sigma) * rng.standard_normal(images.shape, np.float32))
    np.clip(np.rint(noisy, out=noisy), 0, 32767, out=noisy)
    if visible is not None:
        noisy *= visible
    return noisy
