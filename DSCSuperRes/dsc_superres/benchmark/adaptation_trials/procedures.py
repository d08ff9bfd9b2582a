"""Procedures that adapt a network to one scan without a ground truth, for ``dsc-superres benchmark adaptation``.

Each takes the series, the model and a number of steps. It returns the signal on the target grid and the gain that it
claims: PSNR on a copy of the scan that is under-sampled once more, in rows that it did not train on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from dsc_superres.degrade import block_average, matching_truth, undersample
from dsc_superres.metrics import psnr
from dsc_superres.networks import Window, load_model, summarize
from dsc_superres.networks import window as window_of
from dsc_superres.networks.resampling import back_project
from dsc_superres.reconstruction.initial_transient import has_initial_transient
from dsc_superres.reconstruction.reconstruct import reconstruct
from dsc_superres.reconstruction.target_grid import normalization
from dsc_superres.series import Series
from dsc_superres.training.data import Batch, DataOptions, SceneBatches
from dsc_superres.training.losses import loss

SPACE = 2
TIME = 4
FACTOR = 2
"""Time factor of the copy of the scan."""
PATCH = 32
"""Side of a patch, in pixels of the copy."""
WINDOWS = 6
"""Windows per training step."""
LEAST_SIGNAL = 0.1
"""Mean normalized signal of pixels that patches are drawn around."""
Adapted = tuple[float, np.ndarray]
"""Claimed gain (dB; NaN for none) and signal [t, z, y, x] on the target grid."""


@dataclass(frozen=True)
class Copy:
    """A series and its copy, under-sampled once more; only the first ``learned`` rows of the copy are for training."""

    fine: Series
    coarse: Series
    space: int
    learned: int

    @classmethod
    def of(cls, series: Series, space: int) -> Copy:
        coarse = undersample(series, space, FACTOR)
        return cls(matching_truth(series, space, FACTOR), coarse, space, -(-2 * coarse.signal.shape[2] // 3))

    def held_out_psnr(self, signal: np.ndarray) -> float:
        """Return the PSNR (dB) of the frames that the copy lacks, in voxels with signal of the rows held out."""
        missing, rows = np.arange(FACTOR + 1, self.fine.frames, FACTOR), slice(self.learned * self.space, None)
        image, wanted = (x[missing][:, :, rows] for x in (signal, self.fine.signal))
        return psnr(image, wanted, signal_mask(self.fine)[:, rows], float(self.fine.signal[1:].max()))

    def restored(self, model: str | nn.Module) -> np.ndarray:
        """Return the fine signal that ``model`` reconstructs from the copy."""
        return reconstruct(self.coarse, space=self.space, times=self.fine.times, model=model, device="cpu").signal

    def patches(self, rng: np.random.Generator) -> Callable[[], Batch]:
        """Return a function that draws patches around pixels with signal: an acquired frame and the next missing."""
        offset, scale = normalization(self.coarse.signal.mean(axis=0))
        start = int(has_initial_transient(self.coarse.signal))
        coarse, fine = (
            torch.from_numpy((signal - offset) / scale).transpose(0, 1)
            for signal in (self.coarse.signal[start:], self.fine.signal[start * FACTOR :])
        )
        times, still = torch.tensor(self.coarse.times[start:]), coarse.mean(1)[:, : self.learned]
        middles, size = torch.nonzero(still > LEAST_SIGNAL).numpy(), np.minimum(PATCH, still.shape[1:])

        def patch_and_target() -> tuple[Window, torch.Tensor]:
            at, *middle = middles[rng.integers(len(middles))]
            pair = int(rng.integers(len(times) - 1))
            corner = np.clip(middle - size // 2, 0, np.array(still.shape[1:]) - size)
            y, x = (slice(int(b), int(b + n)) for b, n in zip(corner, size, strict=True))
            wide_y, wide_x = (slice(s.start * self.space, s.stop * self.space) for s in (y, x))
            patch = coarse[at : at + 1, :, y, x]
            frames = [pair * FACTOR, pair * FACTOR + FACTOR // 2]
            return window_of(patch, times, summarize(patch), pair), fine[at, frames, wide_y, wide_x]

        def draw() -> Batch:
            windows, targets = zip(*(patch_and_target() for _ in range(WINDOWS)), strict=True)
            parts = (torch.cat([getattr(w, name) for w in windows]) for name in ("frames", "times", "summary"))
            return Batch(Window(*parts), torch.tensor([0.0, 0.5]), torch.stack(targets)).turned(rng)

        return draw


def signal_mask(series: Series) -> np.ndarray:
    """Return the voxels with signal, bool[z, y, x]."""
    mean = series.signal[1:].mean(axis=0)
    return mean > 0.25 * np.percentile(mean, 99)


def refined(series: Series, model: str | nn.Module) -> np.ndarray:
    """Return the reconstructed signal on the target grid."""
    return reconstruct(series, space=SPACE, time=TIME, model=model, device="cpu").signal


def learn(
    series: Series, model: str, steps: int, *, space: int = 2, rate: float = 1e-4, scenes: bool = False
) -> Adapted:
    """Train all weights to restore the copy; ``scenes`` adds as many simulated scenes, as in training.

    With ``space`` 1 only frames are held out, and the pixels stay as they are.
    """
    copy, network, rng = Copy.of(series, space), load_model(model), np.random.default_rng(0)
    start, draw = copy.held_out_psnr(copy.restored(network)), copy.patches(rng)
    optimizer = torch.optim.AdamW(network.train().parameters(), lr=rate, weight_decay=0.0)
    average = torch.optim.swa_utils.AveragedModel(network, avg_fn=_running_mean)
    others = SceneBatches(DataOptions(scenes=2, coarse=PATCH), seed=0, steps=steps)
    for step in range(steps):
        optimizer.zero_grad(set_to_none=True)
        for batch in (draw(), others[step]) if scenes else (draw(),):
            image = network(batch.window, batch.t, tuple(batch.target.shape[-2:]))
            loss(image, batch.target, coarse=1.0).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        average.update_parameters(network)
        network.train()
    adapted = average.module.eval()
    return copy.held_out_psnr(copy.restored(adapted)) - start, refined(series, adapted)


def _running_mean(mean: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Over about the last fifty steps, or the later ones of fewer."""
    return torch.lerp(mean, new, max(0.02, 5 / (5 + float(count))))


def fit_gains(series: Series, model: str, steps: int, *, space: int = 2) -> Adapted:
    """Fit the gains of the still and of the changing part of what the network adds to back-projection.

    They fit the copy best by least squares. With ``space`` 1, only the gain of the changing part is fitted, because
    there is no still detail to find at unchanged pixels.
    """
    copy = Copy.of(series, space)

    def parts(own: np.ndarray, plain: np.ndarray) -> list[np.ndarray]:
        still = np.broadcast_to((own - plain)[TIME:].mean(axis=0), own.shape)
        return [own - plain - still, still][: 1 if space == 1 else 2]

    own, rows = copy.restored(model), slice(0, copy.learned * space)
    added = parts(own, copy.restored("backprojection"))
    learned = np.stack([part[FACTOR:, :, rows].ravel() for part in added], 1)
    gains = np.linalg.lstsq(learned, (copy.fine.signal - own)[FACTOR:, :, rows].ravel(), rcond=None)[0]
    claimed = copy.held_out_psnr(own + sum(map(np.multiply, gains, added))) - copy.held_out_psnr(own)
    image = refined(series, model)
    return claimed, image + sum(map(np.multiply, gains, parts(image, refined(series, "backprojection"))))


def match_mean(series: Series, model: str, steps: int) -> Adapted:
    """Make the under-sampled mean over all frames equal to that of the input; claims no gain."""
    image = refined(series, model)
    lacks = (series.signal - block_average(image[::TIME], SPACE))[1:].mean(axis=0)
    return np.nan, image + back_project(torch.from_numpy(lacks), image.shape[-2:]).numpy()


def denoise(series: Series, model: str, steps: int) -> Adapted:
    """Shrink the singular values of the input (frames by pixels) by its noise level; claims no gain.

    Optimal shrinkage of Gavish and Donoho (IEEE Trans Inf Theory 2017;63:2137).
    """
    where = signal_mask(series)
    curves = series.signal[1:, where].astype(np.float64)
    shares = curves / curves.mean(axis=0)
    bends = np.diff(shares - shares.mean(axis=1, keepdims=True), 2, axis=0) * curves.mean(axis=0)
    noise = np.median(np.abs(bends)) / (0.6745 * np.sqrt(6))
    left, values, right = np.linalg.svd(curves, full_matrices=False)
    size, ratio = values / (noise * np.sqrt(curves.shape[1])), curves.shape[0] / curves.shape[1]
    share = np.sqrt(np.maximum((size**2 - ratio - 1) ** 2 - 4 * ratio, 0)) / size**2 * (size > 1 + np.sqrt(ratio))
    signal = series.signal.copy()
    signal[1:, where] = np.maximum(left @ ((share * values)[:, None] * right), 0)
    return np.nan, refined(series.with_signal(signal), model)


PROCEDURES: dict[str, Callable[[Series, str, int], Adapted]] = {
    "all weights, coarser copy": learn,
    "the same at a tenth of the rate": partial(learn, rate=1e-5),
    "the same with scenes mixed in": partial(learn, rate=3e-5, scenes=True),
    "all weights, frames held out": partial(learn, space=1, rate=1e-5),
    "two gains, coarser copy": fit_gains,
    "one gain, frames held out": partial(fit_gains, space=1),
    "mean agrees with the input": match_mean,
    "noise of the input shrunk": denoise,
}
