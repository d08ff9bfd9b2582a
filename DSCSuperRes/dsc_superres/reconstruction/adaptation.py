"""Adaptation to one scan: a network is tuned on the given series' own further-under-sampled copy, no truth needed.

The series is under-sampled once more, in space and in time, and the network learns to give it back. Some slices are
held out (of a thin stack, a band of rows): on their frames that the copy lacks, the gain is measured. Where there is
none, the weights stay as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dsc_superres.degrade import matching_truth, undersample
from dsc_superres.errors import Cancelled, ModelError, SeriesError
from dsc_superres.metrics import psnr
from dsc_superres.networks import Window, load_model, save_model, summarise
from dsc_superres.networks import window as window_of
from dsc_superres.networks.registry import describe_model
from dsc_superres.reconstruction.initial_transient import has_initial_transient
from dsc_superres.reconstruction.reconstruct import choose_device, normalisation, reconstruct
from dsc_superres.reconstruction.training_range import too_little_to_adapt
from dsc_superres.series import Series
from dsc_superres.training.data import Batch
from dsc_superres.training.losses import loss
from dsc_superres.utils.progress import Progress, no_progress

LEAST_GAIN = 0.05
"""dB on what was held out, below which the original weights stay."""
RATE, PATCH, WINDOWS, LOOKS = 1e-4, 32, 6, 4
"""Learning rate; side of a patch in pixels of the copy; windows per step; how often the gain is measured."""
SCORED = 4
"""Slices at most that the gain is measured on."""
ADAPTING = "adapting to the scan"
SHOWN = 0.1
"""Mean signal (normalised) from which a pixel is worth to be in the middle of a patch."""


@dataclass(frozen=True)
class Adaptation:
    """``network``: tuned, or as it was where ``kept`` is True. PSNR in dB on what was held out, before and after."""

    network: nn.Module
    before: float
    after: float
    steps: int

    @property
    def gain(self) -> float:
        """dB by which the tuned weights are better on what was held out."""
        return self.after - self.before

    @property
    def kept(self) -> bool:
        """Whether the original weights were kept."""
        return self.gain < LEAST_GAIN


@dataclass(frozen=True)
class Lesson:
    """The copy to learn from and what it should become, [z, t, y, x] of one normalisation; and where not to look.

    ``coarse`` and ``fine`` are tensors on the grid of either; ``times`` are those of the copy; ``factor`` is how many
    frames of ``fine`` an interval of the copy has; ``rows`` of the copy may be learned from, ``slices`` too.
    """

    coarse: torch.Tensor
    fine: torch.Tensor
    times: torch.Tensor
    space: int
    factor: int
    slices: np.ndarray
    rows: slice


def adapt(
    series: Series,
    *,
    minutes: float = 5.0,
    steps: int | None = None,
    model: str = "ode-liif",
    space: int = 2,
    time_factor: int = 2,
    device: str = "auto",
    rate: float = RATE,
    seed: int = 0,
    report: Progress = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> Adaptation:
    """Tune ``model`` to ``series`` for ``minutes`` (or for so many ``steps``), and say what it gained.

    ``rate`` is that of learning, of the ``seed`` all patches. The copy is ``space`` x ``space`` times coarser and has
    every ``time_factor``-th frame. Raises ``ModelError`` for a model that has nothing to learn, ``SeriesError`` for a
    series too small, and ``Cancelled``.
    """
    truth = matching_truth(series, space, time_factor)
    _check(truth, space, time_factor)
    copy = undersample(truth, space, time_factor)
    network = load_model(model)
    if not any(True for _ in network.parameters()):
        raise ModelError(f"The model '{model}' is an interpolator: there is nothing to adapt.")
    held_slices, held_rows = held_out(truth.signal.shape)
    lesson = _lesson(truth, copy, space, time_factor, held_slices, held_rows)

    def score(candidate: nn.Module) -> float:
        return _score(candidate, truth, copy, (held_slices, held_rows), (space, time_factor), device, cancelled)

    report(0.0, ADAPTING)
    before = best = score(network)
    report(0.02, ADAPTING)
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    tuner = _Tuner(network, choose_device(device), rate, seed)
    begin, looks = time.monotonic(), 0

    def share() -> float:
        return tuner.steps / steps if steps else (time.monotonic() - begin) / (60 * minutes)

    while (done := share()) < 1:
        if cancelled():
            raise Cancelled
        tuner.step(lesson)
        report(0.02 + 0.98 * min(done, 1.0), ADAPTING)
        if done * LOOKS >= looks + 1:
            looks += 1
            best, kept = _better(tuner, score, best, kept)
    best, kept = _better(tuner, score, best, kept)
    original = load_model(model)
    if best - before >= LEAST_GAIN:
        original.load_state_dict(kept)
    return Adaptation(original, before, best, tuner.steps)


def write_adaptation(found: Adaptation, model: str, path: Path) -> dict[str, object]:
    """Write the tuned weights of ``model`` to ``path`` where they gain something; returns what to tell."""
    told = {"before_db": found.before, "after_db": found.after, "gain_db": found.gain, "steps": found.steps}
    if not found.kept:
        name, options = describe_model(model)
        told["weights_sha256"] = save_model(found.network, path, name=name, options=options)
    return {**told, "weights": None if found.kept else path.name}


def held_out(shape: tuple[int, ...]) -> tuple[np.ndarray, slice]:
    """Slices (indices) and rows of [t, z, y, x] on which nothing is learned: every fourth slice, or the last rows."""
    slices, rows = shape[1], shape[2]
    if slices >= 4:
        return np.arange(1, slices, 4), slice(0, rows)
    return np.arange(slices), slice(rows - rows // 3, rows)


def _check(truth: Series, space: int, factor: int) -> None:
    if not truth.has_times:
        raise SeriesError(f"{truth.name} needs frame times to adapt to it.")
    problem = too_little_to_adapt(truth.frames, *truth.signal.shape[2:], space, factor)
    if problem:
        raise SeriesError(f"{truth.name} cannot be adapted to: {problem}.")


def _lesson(truth: Series, copy: Series, space: int, factor: int, held_slices: np.ndarray, held_rows: slice) -> Lesson:
    offset, scale = normalisation(copy.signal.mean(axis=0))
    if scale == 0:
        raise SeriesError(f"{truth.name} is constant: there is nothing to learn from it.")
    start = 1 if has_initial_transient(copy.signal) else 0  # before steady state there is nothing to learn either
    coarse, fine = (
        torch.from_numpy((signal - offset) / scale).transpose(0, 1).contiguous()
        for signal in (copy.signal[start:], truth.signal[start * factor :])
    )
    whole = held_rows.start == 0
    learned = np.setdiff1d(np.arange(truth.signal.shape[1]), held_slices) if whole else held_slices
    rows = slice(0, coarse.shape[2] if whole else held_rows.start // space)
    return Lesson(coarse, fine, torch.tensor(copy.times[start:]), space, factor, learned, rows)


def _score(
    network: nn.Module,
    truth: Series,
    copy: Series,
    held: tuple[np.ndarray, slice],
    factors: tuple[int, int],
    device: str,
    cancelled: Callable[[], bool],
) -> float:
    """PSNR (dB) of the frames that the copy lacks, where there is signal, in what was held out (slices, rows)."""
    (slices, rows), (space, factor) = held, factors
    slices = slices[:: -(-len(slices) // SCORED)]
    seen = Series(copy.signal[:, slices], copy.times)
    options = {"space": space, "times": truth.times, "device": device, "cancelled": cancelled}
    fine = reconstruct(seen, model=network, **options)
    between = np.arange(truth.frames) % factor != 0
    between[:factor] = False
    image, wanted = (signal[between][:, :, rows] for signal in (fine.signal, truth.signal[:, slices]))
    mean = truth.signal[:, slices].mean(axis=0)
    mask = (mean > 0.25 * np.percentile(mean, 99))[:, rows]
    return psnr(image, wanted, mask, float(truth.signal[1:].max()))


def _better(
    tuner: _Tuner, score: Callable[[nn.Module], float], best: float, kept: dict
) -> tuple[float, dict[str, torch.Tensor]]:
    candidate = tuner.average.module
    found = score(candidate)
    if found <= best:
        return best, kept
    return found, {key: value.detach().cpu().clone() for key, value in candidate.state_dict().items()}


class _Tuner:
    """The optimiser, and the running mean of the weights, which is what is measured."""

    def __init__(self, network: nn.Module, device: str, rate: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.device = torch.device(device)
        self.network = network.to(self.device, memory_format=torch.channels_last).train()
        self.average = torch.optim.swa_utils.AveragedModel(self.network, avg_fn=_running_mean)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=0.0)
        self.steps = 0

    def step(self, lesson: Lesson) -> None:
        """One update on random patches."""
        batch = draw(self.rng, lesson).turned(self.rng).to(self.device)
        self.network.train()
        image = self.network(batch.window, batch.t, tuple(batch.target.shape[-2:]))
        self.optimiser.zero_grad(set_to_none=True)
        loss(image, batch.target, coarse=1.0).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 0.5)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.steps += 1


def _running_mean(mean: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
    """Over about the last fifty steps, or the later ones of fewer."""
    return torch.lerp(mean, new, max(0.02, 5 / (5 + float(count))))


def draw(rng: np.random.Generator, lesson: Lesson) -> Batch:
    """Random patches with signal in them: windows of the copy, at one acquired frame and the missing ones after it."""
    windows, targets = [], []
    t = np.sort(rng.choice(lesson.factor, min(2, lesson.factor), replace=False)).astype(np.float32) / lesson.factor
    while len(windows) < WINDOWS:
        at = int(rng.choice(lesson.slices))
        corner, size = _corner(rng, lesson, at)
        y, x = (slice(begin, begin + length) for begin, length in zip(corner, size, strict=True))
        patch = lesson.coarse[at : at + 1, :, y, x]
        pair = int(rng.integers(len(lesson.times) - 1))
        windows.append(window_of(patch, lesson.times, summarise(patch), pair))
        fine = [slice(s.start * lesson.space, s.stop * lesson.space) for s in (y, x)]
        frames = [pair * lesson.factor + round(float(moment) * lesson.factor) for moment in t]
        targets.append(lesson.fine[at, frames][:, fine[0], fine[1]])
    parts = (torch.cat([getattr(w, name) for w in windows]) for name in ("frames", "times", "summary"))
    return Batch(Window(*parts), torch.from_numpy(t), torch.stack(targets))


def _corner(rng: np.random.Generator, lesson: Lesson, at: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a patch begins (row, column of the copy), around a pixel with signal where there is one; and its size."""
    mean = lesson.coarse[at].mean(0)[lesson.rows]
    size = tuple(min(PATCH, length) for length in mean.shape)
    shown = torch.nonzero(mean > SHOWN).numpy()
    middle = shown[rng.integers(len(shown))] if len(shown) else np.array(mean.shape) // 2
    corner = np.clip(middle - np.array(size) // 2, 0, np.array(mean.shape) - size)
    return (int(corner[0]), int(corner[1])), size
