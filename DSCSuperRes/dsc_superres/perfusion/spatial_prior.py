"""A spatial prior for transit times and delays: neighbors are alike unless the data say otherwise.

Each map is theta plus noise of known shape; theta drifts from voxel to voxel as a random walk in the plane, with edges.
Empirical Bayes: the variogram g(h) = median of (x_i - x_j)^2 / 2 at h = 1 and 2 voxels tells both. Noise that differs
from voxel to voxel is its nugget 2 g(1) - g(2), the drift its slope g(2) - g(1) (Matheron 1963). Where there is no
noise, nothing is averaged; where there is no drift, all that is alike.
Edges: neighbors count less the less likely their values are under noise and drift. Their values are compared again
as they become more certain in a growing neighborhood (propagation-separation: Polzehl and Spokoiny, PTRF 2006;135:335).
Blood volumes, which are far more certain than transit times, are compared as well: vessels, lesions and the border of
gray and white matter are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsc_superres.perfusion.dictionary import AtomGrid

USUAL_INTERVAL = 1.5
MODEL_ERROR_OF_MEASURED_AIF = 0.12
MODEL_ERROR_OF_GIVEN_AIF = 0.04
"""Share of a curve's norm by which the best atom may miss it in an image whose frames are USUAL_INTERVAL s apart.

An artery measured in the image has errors of its own and tissue has residues of its own. Both are the same in many
voxels, so averaging neighbors makes them no smaller: the likelihood is made coarser by what the model may miss
(Miller and Dunson, JASA 2019;114:1113), and noise does not decide between kinds of residue.
"""
GRID_OF_MEASURED_AIF = AtomGrid(delay_spread=5.0)
"""The dictionary of an image under an artery measured in it, with a wider prior of delays (s).

Under so coarse a likelihood the prior of single curves would decide too much: late tissue would seem earlier than it
is. A wider prior of transit times suits patients whose transit times differ much, and harms others.
"""
SD_FACTORS = {"measured": (0.75, 0.3, 0.28), "given": (0.7, 0.55, 0.45)}
"""Factors on the coarser posterior's standard deviations of CBV, ln MTT and delay for the two kinds of arterial input.

Voxels' own curves say less under it than the estimates are worth. See ``benchmark perfusion --only patients``.
"""
RADII = (1.0, 1.5, 2.3)
"""Radii of the growing neighborhood in voxels."""
EDGE_SCALE = 3.0
"""Squared differences in units of their expected variance at which a neighbor counts exp(-1/2)."""
VOLUME_EDGE_SCALE = 4.0
"""The same for the logarithm of CBV, in units of the typical squared difference of neighbors."""
GAUSSIAN_MEDIAN = 0.4549
"""Median of the square of a standard normal variable."""
MIN_PAIRS = 50
"""Pairs of neighbors from which a variogram can be estimated."""
TINY = 1e-12


def model_error_in_images(interval: float, measured_aif: bool = True) -> float:
    """Return that share for measured frames ``interval`` s apart: what an artery does between them is not known.

    >>> model_error_in_images(1.5), model_error_in_images(6.0), model_error_in_images(1.5, measured_aif=False)
    (0.12, 0.24, 0.04)
    """
    error = MODEL_ERROR_OF_MEASURED_AIF if measured_aif else MODEL_ERROR_OF_GIVEN_AIF
    return error * float(np.sqrt(max(interval / USUAL_INTERVAL, 1.0)))


def with_spatial_prior(
    values: Mapping[str, np.ndarray], mask: np.ndarray, measured_aif: bool = True
) -> dict[str, np.ndarray]:
    """Return the values of the Bayesian method, float[n] at the voxels of ``mask``, under the spatial prior.

    MTT and delay change, and CBF = 60 CBV/MTT with them; CBV stays. All standard deviations are those under the prior.
    """
    cbv, mtt = (np.asarray(values[name], np.float32) for name in ("cbv", "mtt"))
    usable = (cbv > 0) & (mtt > 0)
    if not usable.any():
        return dict(values)
    volume_factor, mtt_factor, delay_factor = SD_FACTORS["measured" if measured_aif else "given"]
    log_mtt, log_cbv = (np.log(np.where(usable, each, 1)) for each in (mtt, cbv))
    log_sd = np.where(usable, mtt_factor * values["mtt_sd"] / np.where(usable, mtt, 1), 1)
    inside = np.zeros(mask.shape, bool)
    inside[mask] = usable
    maps = [
        _volume(each, mask) for each in (log_mtt, log_sd, values["tmax"], delay_factor * values["tmax_sd"], log_cbv)
    ]
    smooth_mtt, mtt_sd, delay, delay_sd = (each[mask] for each in _smooth(*maps, inside))
    new_mtt = np.where(usable, np.exp(smooth_mtt), mtt)
    cbf = 60 * cbv / np.where(usable, new_mtt, 1)
    cbv_sd = volume_factor * values["cbv_sd"]
    found = {
        "mtt": new_mtt,
        "cbf": cbf,
        "tmax": delay,
        "cbv_sd": cbv_sd,
        "cbf_sd": cbf * np.hypot(cbv_sd / np.where(usable, cbv, 1), mtt_sd),
        "mtt_sd": mtt_sd * new_mtt,
        "tmax_sd": delay_sd,
    }
    return dict(values) | {n: np.where(usable, each, values[n]).astype(np.float32) for n, each in found.items()}


def _volume(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    volume = np.zeros(mask.shape, np.float32)
    volume[mask] = values
    return volume


def _smooth(
    log_mtt: np.ndarray,
    mtt_sd: np.ndarray,
    delay: np.ndarray,
    delay_sd: np.ndarray,
    log_cbv: np.ndarray,
    inside: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Return ln MTT, its sd, delay and its sd, all [z, y, x]; slices are worked on one at a time."""
    mtt_noise, mtt_drift = noise_and_drift(log_mtt, mtt_sd, inside)
    delay_noise, delay_drift = noise_and_drift(delay, delay_sd, inside)
    volume_spread = _median_square(log_cbv, inside, 1) / GAUSSIAN_MEDIAN
    result = tuple(np.array(each, np.float32) for each in (log_mtt, mtt_sd, delay, delay_sd))
    for z in range(len(inside)):
        if not inside[z].any():
            continue
        fields = [
            _Field(log_mtt[z], mtt_noise * mtt_sd[z] ** 2, mtt_drift),
            _Field(delay[z], delay_noise * delay_sd[z] ** 2, delay_drift),
        ]
        _average(fields, log_cbv[z], inside[z], volume_spread)
        for k, (field, noise) in enumerate(zip(fields, (mtt_noise, delay_noise), strict=True)):
            sd = result[2 * k + 1][z]
            result[2 * k][z] = field.value
            sd[:] = np.sqrt(np.maximum((1 - noise) * sd**2, 0) + field.variance)
    return result


def noise_and_drift(values: np.ndarray, sd: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Return the independent noise of each voxel as share of sd^2, and the variance of the drift per voxel.

    From the variogram of values[z, y, x] in ``inside`` at one and two voxels along rows and columns.
    """
    near, far = (_median_square(values, inside, step) for step in (1, 2))
    total = _median_square(values, inside, 1, sd) if near > 0 else 0.0
    if near <= 0 or total <= 0:
        return 0.0, 0.0
    nugget_share = float(np.clip(2 - far / near, 0, 1))
    return nugget_share * total / GAUSSIAN_MEDIAN, max(far - near, 0.0) / GAUSSIAN_MEDIAN


def _median_square(values: np.ndarray, inside: np.ndarray, step: int, sd: np.ndarray | None = None) -> float:
    """Return the median squared difference at ``step`` voxels in the plane, in units of its variance if sd is given."""
    found = []
    for axis in (1, 2):
        a, b = (slice(None, -step), slice(step, None))
        first, second = ((slice(None),) * axis + (each,) for each in (a, b))
        both = inside[first] & inside[second]
        square = np.square(values[first][both] - values[second][both], dtype=np.float64)
        if sd is not None:
            square /= np.maximum(sd[first][both] ** 2 + sd[second][both] ** 2, TINY)
        found.append(square)
    pairs = np.concatenate(found)
    return float(np.median(pairs)) if len(pairs) >= MIN_PAIRS else 0.0


class _Field:
    """A map of one slice with the variance of its independent noise, as it becomes more certain."""

    def __init__(self, value: np.ndarray, noise: np.ndarray, drift: float) -> None:
        self.measured, self.noise, self.drift = value, np.maximum(noise, 0), drift
        self.value, self.variance = value, self.noise


def _average(fields: list[_Field], log_cbv: np.ndarray, inside: np.ndarray, volume_spread: float) -> None:
    """Average the ``fields`` over growing neighborhoods within their edges."""
    for radius in RADII:
        sums = [[np.zeros(inside.shape) for _ in range(3)] for _ in fields]
        for dy, dx in _offsets(radius):
            here, there = _overlap(dy), _overlap(-dy)
            one, other = (here, _overlap(dx)), (there, _overlap(-dx))
            distance = float(np.hypot(dy, dx))
            edge = inside[one] & inside[other]
            closeness = np.square(log_cbv[one] - log_cbv[other]) / (VOLUME_EDGE_SCALE * volume_spread * distance + TINY)
            for field in fields:
                expected = field.variance[one] + field.variance[other] + field.drift * distance + TINY
                closeness = closeness + np.square(field.value[one] - field.value[other]) / (EDGE_SCALE * expected)
            alike = np.exp(-0.5 * closeness) * edge
            for field, (weights, values, squares) in zip(fields, sums, strict=True):
                weight = alike / (field.noise[other] + field.drift * distance + TINY)
                weights[one] += weight
                values[one] += weight * field.measured[other]
                squares[one] += weight**2 * field.noise[other]
        for field, (weights, values, squares) in zip(fields, sums, strict=True):
            total = np.maximum(weights, TINY)
            field.value = np.where(inside, values / total, field.measured).astype(np.float32)
            field.variance = np.where(inside, squares / total**2, field.noise).astype(np.float32)


def _offsets(radius: float) -> list[tuple[int, int]]:
    reach = range(-int(radius), int(radius) + 1)
    return [(dy, dx) for dy in reach for dx in reach if np.hypot(dy, dx) <= radius]


def _overlap(step: int) -> slice:
    """Return the rows that have a neighbor ``step`` rows further."""
    return slice(max(-step, 0), -step if step > 0 else None)
