"""Adaptation as the first part of a reconstruction: how much of the work it is, and what there is to say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsc_superres.models import INTERPOLATORS
from dsc_superres.pipeline.jobs import Job
from dsc_superres.series import Series
from dsc_superres.utils.progress import Progress, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from dsc_superres.reconstruction.adaptation import Adaptation

EVEN = 0.5
"""Share of the work where nothing is known of the rest."""


def own_network(
    series: Series, job: Job, report: Progress, stop: Callable[[], bool]
) -> tuple[nn.Module, Adaptation | None, Progress]:
    """The job's model, tuned to ``series`` where the job asks for it; how that went; the report of the work left.

    Raises ``DSCError`` and ``Cancelled``.
    """
    from dsc_superres.networks import load_model

    if job.adapt_minutes is None:
        return load_model(job.model), None, report
    from dsc_superres.reconstruction.adaptation import adapt

    share = 0.0 if job.model in INTERPOLATORS else tuning_share(series, job)
    options = {"minutes": job.adapt_minutes, "model": job.model, "device": job.device, "cancelled": stop}
    found = adapt(series, **options, report=part(report, 0.0, share))
    return found.network, found, part(report, share, 1.0)


def tuning_share(series: Series, job: Job) -> float:
    """The part (0..1) of tuning in the time of tuning and reconstructing ``series``, so that time left is one clock."""
    from dsc_superres.networks.registry import describe_model
    from dsc_superres.pipeline.estimate import ADAPT_SECONDS, reconstruction_seconds
    from dsc_superres.reconstruction.reconstruct import choose_device, target_times
    from dsc_superres.worker.probe import convolution_rate

    frames = target_times(series, time=job.time, interval=job.interval).size
    factor = (frames - 1) / (series.frames - 1)
    device = {"gflops": convolution_rate(choose_device(job.device))}
    name, _options = describe_model(job.model)
    rest = reconstruction_seconds(series.size, series.frames, job.space, factor, name, device)
    if rest is None:
        return EVEN
    tuning = 60 * job.adapt_minutes + ADAPT_SECONDS
    return tuning / (tuning + rest)


def tuning_note(found: Adaptation) -> str:
    """One sentence for the reader: what tuning gained on what it did not learn from, and which weights were used."""
    if found.kept:
        return (
            f"Tuning the network to this scan gained nothing on the part that was held out ({found.gain:+.2f} dB after "
            f"{found.steps} steps), so its original weights were used."
        )
    return (
        f"The network was tuned to this scan first: {found.gain:+.2f} dB on the part that was held out "
        f"({found.before:.2f} to {found.after:.2f} dB in {found.steps} steps)."
    )
