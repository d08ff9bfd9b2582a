"""Training in several processes: ``torchrun`` starts them, and each takes its share of the scenes of every batch.

What a run computes does not depend on their number. Every batch is the one that a single process would make; one of
them makes it and scatters it to all. Gradients are averaged, so that weights are those of a single process but for
rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dsc_superres.errors import ModelError
from dsc_superres.training.data import Batch, SceneBatches

T = TypeVar("T")
PATIENCE = timedelta(hours=2)
"""How long processes wait for the first, which may have the training patients to simulate."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of one run: this is number ``rank`` of ``count``, and number ``local`` on its machine."""

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the one that validates, logs and saves for all."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local) if self.count > 1 else torch.device("cuda")

    def wrap(self, module: nn.Module, idle: bool = False) -> nn.Module:
        """``module``, whose gradients every backward pass averages over the processes.

        ``idle``: whether a batch may leave some of its weights out (in all processes alike)
        """
        if self.count == 1:
            return module
        return DistributedDataParallel(module, broadcast_buffers=False, find_unused_parameters=idle)

    def wait(self) -> None:
        """Block until all processes have arrived here."""
        if self.count > 1:
            dist.barrier()

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """Let one process of each machine run the block before the others, which then find its files on disk."""
        if self.local > 0:
            self.wait()
        yield
        if self.local == 0:
            self.wait()

    def broadcast(self, find: Callable[[], T]) -> T:
        """Return in all processes what ``find`` returns in the first."""
        found = [find() if self.leads else None]
        if self.count > 1:
            dist.broadcast_object_list(found)
        return found[0]

    def mean_over_processes(self, value: float, stop: bool) -> tuple[float, bool]:
        """The mean of a value over the processes, and whether any of them was asked to stop."""
        if self.count == 1:
            return value, stop
        both = torch.tensor([value / self.count, stop], dtype=torch.float64)
        dist.all_reduce(both)
        return float(both[0]), bool(both[1])

    def share_batches(
        self, batches: SceneBatches, begin: int, load: Callable[[Sequence[int]], Iterable[Batch]]
    ) -> Iterator[Batch]:
        """This process's share of each batch from step ``begin`` on; ``load`` makes those of the steps it is given.

        A batch that is used again comes from the process that has kept it.
        """
        steps = range(begin, len(batches))
        if self.count == 1:
            yield from load(steps)
            return
        if batches.options.scenes % self.count:
            scenes = batches.options.scenes
            raise ModelError(f"{self.count} processes cannot share the {scenes} scenes of a batch evenly.")
        sources = [batches.number(step) % self.count for step in steps]
        own = iter(load([step for step, source in zip(steps, sources, strict=True) if source == self.rank]))
        for source in sources:
            shares = next(own).shares(self.count) if source == self.rank else None
            received = [None]
            dist.scatter_object_list(received, shares, src=source)
            yield received[0]


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """The processes that ``torchrun`` started, joined while the block lasts; without it, this one alone."""
    rank, count, local, beside = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))
    )
    if count == 1:
        yield ProcessGroup()
        return
    devices = torch.cuda.device_count()
    if 0 < devices < beside:
        raise ModelError(f"There are {beside} processes for {devices} GPUs: start one for each.")
    if devices:
        torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if devices else "gloo", timeout=PATIENCE)
    try:
        yield ProcessGroup(rank, count, local)
    finally:
        dist.destroy_process_group()
