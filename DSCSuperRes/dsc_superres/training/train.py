"""The training loop: one command, one configuration file, resumable at any moment."""

from __future__ import annotations

import csv
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from dsc_superres.errors import FileError, ModelError
from dsc_superres.models import weights_path
from dsc_superres.networks import Model, Window, create, save_model
from dsc_superres.training.config import TrainOptions, learning_rate, read_config
from dsc_superres.training.data import Batch, DataOptions, SceneBatches
from dsc_superres.training.distributed import ProcessGroup, process_group
from dsc_superres.training.losses import gaussian_negative_log_likelihood, loss

log = logging.getLogger(__name__)
VALIDATION_SEED_OFFSET = 1_000_003


class Prediction(nn.Module):
    """A network's frames and their standard deviation (None where it estimates none) as a module for processes."""

    def __init__(self, network: Model) -> None:
        super().__init__()
        self.network = network

    def forward(self, window: Window, t: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
        if self.network.estimates_uncertainty:
            return self.network.with_uncertainty(window, t, size)
        return self.network(window, t, size), None


class Trainer:
    """Holds what a checkpoint holds: network, running mean of its weights, optimizer and step."""

    def __init__(self, options: TrainOptions, group: ProcessGroup) -> None:
        self.options, self.group, self.device = options, group, group.device
        device = self.device
        torch.manual_seed(options.seed)
        self.network = create(options.name, **options.network).to(device, memory_format=torch.channels_last)
        for part in options.frozen:
            self.network.get_submodule(part).requires_grad_(False)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(options.average)
        )
        self.optimizer = torch.optim.AdamW(
            [weight for weight in self.network.parameters() if weight.requires_grad], lr=options.rate, weight_decay=1e-4
        )
        self.step, self.seconds = 0, 0.0
        self.folder = Path(options.out)
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Resume from this run's checkpoint, or begin from another run's weights where the configuration says so."""
        state = self.group.broadcast(self._checkpoint)
        if state:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
            log.info("resumed at step %d", self.step)
        elif self.options.start_from:
            # Parts of the network that the start does not have keep their initial values; others of its are left out.
            weights, found = self.network.state_dict(), _weights(self.options.start_from)
            weights |= {key: value for key, value in found.items() if key in weights}
            for part, path in self.options.parts.items():
                weights |= {f"{part}.{key}": value for key, value in _weights(path).items()}
            self.network.load_state_dict(weights)
            self.average.module.load_state_dict(weights)
        data = DataOptions(**self.options.data)
        # At acquired times alone, the vector fields have nothing to do.
        self.predict = self.group.wrap(Prediction(self.network), idle=data.acquired or data.times == 1)

    def _checkpoint(self) -> dict | None:
        path = self.folder / "checkpoint.pt"
        return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None

    def save(self) -> None:
        """Checkpoint and averaged weights, each complete or not there at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        temporary = self.folder / "checkpoint.pt.tmp"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "checkpoint.pt")
        options = self.options
        weights = self.folder / f"{options.name}.safetensors"
        save_model(self.average.module, weights, name=options.name, options=options.network)

    def update(self, batch: Batch) -> float:
        """One optimizer step; returns the loss."""
        options = self.options
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, options)
        size = tuple(batch.target.shape[-2:])
        coarse = options.coarse if self.step >= options.coarse_from else 0.0
        with torch.autocast(self.device.type, torch.bfloat16, enabled=options.bfloat16):
            image, uncertainty = self.predict(batch.window, batch.t, size)
        value = loss(image.float(), batch.target, coarse, options.linear_from)
        if uncertainty is not None:
            value = value + 0.01 * gaussian_negative_log_likelihood(image.detach() - batch.target, uncertainty)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 0.5)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(value.detach())

    @torch.inference_mode()
    def calibrate(self, batches: list[Batch]) -> None:
        """Scale the averaged network's standard deviations so that its intervals have their nominal coverage.

        The factor is the geometric mean of those that would be right at 1 and at 1.96 standard deviations.
        """
        network = self.average.module.eval()
        network.calibration.fill_(1.0)
        ratios = []
        for batch in batches:
            image, uncertainty = network.with_uncertainty(batch.window, batch.t, tuple(batch.target.shape[-2:]))
            shown = (batch.target > 0.1)[..., 3:-3, 3:-3]
            ratios.append(((image - batch.target).abs() / uncertainty)[..., 3:-3, 3:-3][shown].cpu().numpy())
        one, two = np.percentile(np.concatenate(ratios), (68.27, 95))
        network.calibration.fill_(float(np.sqrt(one * two / 1.96)))
        log.info("calibration of the standard deviation %.3f", float(network.calibration))

    def finish(self, batches: list[Batch]) -> None:
        """Save; then calibrate the uncertainty on ``batches`` where the network estimates it, which takes a while."""
        self.save()
        if self.network.estimates_uncertainty:
            self.calibrate(batches)
            self.save()

    @torch.inference_mode()
    def validate(self, batches: list[Batch]) -> tuple[float, float]:
        """Mean gain over the network's own interpolator in dB on held-out scenes: all targets, and acquired frames."""
        gains, acquired = [], []
        network = self.average.module.eval()
        for batch in batches:
            size = tuple(batch.target.shape[-2:])
            image, base = network(batch.window, batch.t, size), network.base(batch.window, batch.t, size)
            error, reference = ((x - batch.target)[..., 3:-3, 3:-3].square().mean((-1, -2)) for x in (image, base))
            gain = 10 * torch.log10((reference + 1e-8) / (error + 1e-8))
            gains.append(gain.mean())
            acquired.append(gain[:, batch.t < 1e-3].flatten())
        return float(torch.stack(gains).mean()), float(torch.cat(acquired).mean())


def train(config: str | Path | TrainOptions) -> Path:
    """Train to the last step of a configuration, a file or its options, and return the path of the weights.

    Resumes where an earlier run stopped. Ctrl-C saves a checkpoint, then raises ``KeyboardInterrupt``.
    Raises ``ModelError`` or ``FileError``.
    """
    options = config if isinstance(config, TrainOptions) else read_config(config)
    if options.threads:
        torch.set_num_threads(options.threads)
    with process_group() as group:
        return _train(options, group)


def _train(options: TrainOptions, group: ProcessGroup) -> Path:
    data = DataOptions(**options.data)
    trainer = Trainer(options, group)
    trainer.start()
    with group.one_first():
        batches = SceneBatches(data, seed=options.seed, steps=options.steps)
    validation = []
    if group.leads:
        held_out = batches.again(seed=options.seed + VALIDATION_SEED_OFFSET, steps=16)
        validation = [held_out[index].to(group.device) for index in range(16)]

    def load(steps: Sequence[int]) -> DataLoader:
        pinned = group.device.type == "cuda"
        return DataLoader(Subset(batches, steps), batch_size=None, num_workers=options.workers, pin_memory=pinned)

    history = trainer.folder / "log.csv" if group.leads else os.devnull
    with _asked_to_stop() as stop, open(history, "a", newline="", buffering=1) as lines:
        _loop(trainer, group.share_batches(batches, trainer.step, load), validation, csv.writer(lines), stop)
        if group.leads:
            trainer.finish(validation)
        group.wait()
    if trainer.step < options.steps:
        raise KeyboardInterrupt
    return trainer.folder / f"{options.name}.safetensors"


def _weights(name: str) -> dict[str, Tensor]:
    path = weights_path(os.path.expandvars(name))
    if not path.is_file():
        raise FileError(f"The weights {path} to start from are not there: train them first.")
    return load_file(path)


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C or a request to end sets, so that a run stops between two steps and can go on later."""
    stop = threading.Event()
    caught = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in caught}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _loop(trainer: Trainer, batches: Iterable[Batch], validation: list[Batch], writer, stop: threading.Event) -> None:
    """All remaining steps, with a line in the log at every validation and a checkpoint every few minutes."""
    options, group = trainer.options, trainer.group
    last_save, begin, losses = time.monotonic(), time.monotonic(), []
    for batch in batches:
        value, stopping = group.mean_over_processes(trainer.update(batch.to(trainer.device)), stop.is_set())
        losses.append(value)
        trainer.seconds += time.monotonic() - begin
        begin = time.monotonic()
        if not math.isfinite(value):
            raise ModelError(f"The loss became {value} at step {trainer.step}: lower the learning rate.")
        if trainer.step % options.validate_every == 0 or trainer.step == options.steps:
            if group.leads:
                _report(trainer, validation, sum(losses) / len(losses), writer)
            losses = []
        if group.leads and time.monotonic() - last_save > 60 * options.checkpoint_minutes:
            trainer.save()
            last_save = time.monotonic()
        if stopping:
            return


def _report(trainer: Trainer, validation: list[Batch], mean: float, writer) -> None:
    gain, acquired = trainer.validate(validation)
    log.info("step %d loss %.5f gain %.2f dB (acquired %.2f)", trainer.step, mean, gain, acquired)
    writer.writerow([trainer.step, f"{trainer.seconds:.0f}", f"{mean:.6f}", f"{gain:.3f}", f"{acquired:.3f}"])
