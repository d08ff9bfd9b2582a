"""Back-projection in space and kinetics in time: a bolus between two frames is no spline.

Every voxel follows the posterior mean over residues, transit times and delays under one driving curve
(``kinetics.kinetic_course``). What the acquired frames differ from it is interpolated by pchip and added, so that these
frames are kept as they are; halfway between two frames only the share of it that is more than noise. All of this is
computed on the coarse grid, and a part of the difference from pchip there is brought to the fine grid by
back-projection: less of what is a voxel's own, where kinetics errs more often, than of what all voxels have in common.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dsc_superres.frames.curve_noise import curve_noise
from dsc_superres.kinetics.kinetic_course import KineticCourse, kinetic_course
from dsc_superres.networks.interpolation import Interpolator, pchip_in_time
from dsc_superres.networks.kinetic_uncertainty import uncertainty_in_time, with_finer_pixels
from dsc_superres.networks.resampling import back_project
from dsc_superres.networks.window import Window
from dsc_superres.perfusion.mask import head_threshold
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, never

COMMON_PART, OWN_PART = 0.87, 0.61
"""Parts of the difference from pchip that are added: of its mean over a slice, and of what remains in each voxel.

Those with the least squared error in bolus frames of 26 training scenes and patients, each counted alike."""
MOST_VOXELS = 2000
"""Of a slice, over which the mean is taken."""


class KineticInterpolator(Interpolator):
    """The interpolator. Without a series (``for_series``) it is back-projection with pchip in time."""

    removes_initial_transient = True
    estimates_uncertainty = True

    def __init__(self) -> None:
        super().__init__(in_space="backprojection", in_time="pchip")
        self.course: KineticCourse | None = None
        self.noise = 0.0
        self.place = (slice(None), slice(None), slice(None))

    def for_series(
        self,
        series: Series,
        offset: float,
        scale: float,
        transient: bool,
        uncertainty: bool = False,
        cancelled: IsCancelled = never,
    ) -> KineticInterpolator:
        """As ``Model.for_series``."""
        found = copy(self)
        threads = torch.get_num_threads()
        course = kinetic_course(series, transient=transient, spread=uncertainty, threads=threads, cancelled=cancelled)
        found.scale = scale
        found.noise = _noise(series.signal) / scale if uncertainty else 0.0
        if isinstance(course, KineticCourse):
            found.course, found.notes = course, course.notes
            found.times, found.offset = series.times.copy(), offset
            found.first = int(transient)
            found.samples = [
                _Samples.of(series.signal[:, z], course.share[z], int(transient)) for z in range(course.slices)
            ]
        else:
            found.notes = course
        return found

    def for_piece(self, slices: slice, rows: slice, columns: slice) -> KineticInterpolator:
        """As ``Model.for_piece``."""
        found = copy(self)
        found.place = (slices, rows, columns)
        return found

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """As ``Model.forward``. ``fast`` changes nothing."""
        image = super().forward(window, t, size, cache)
        if self.course is None:
            return image
        with torch.autocast(t.device.type, enabled=False):
            return image + back_project(self.beyond_pchip(window, t), size)

    def with_uncertainty(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> tuple[Tensor, Tensor]:
        """As ``Model.with_uncertainty``; at unchanged pixels that of acquired frames is their noise."""
        image = super().forward(window, t, size, cache)
        added, in_time, _ = self.knowledge(window, t)
        if self.course is not None:
            image = image + back_project(added, size)
        same_pixels = tuple(window.frames.shape[-2:]) == tuple(size)
        return image, in_time if same_pixels else with_finer_pixels(in_time, image)

    def knowledge(self, window: Window, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is added to pchip and the uncertainty in time, [b, m, h, w], and how far each pixel follows, [b, h, w].

        All on the coarse grid; nothing is added and nothing follows where there is no course. Needs ``for_series``
        with uncertainty.
        """
        added = torch.zeros_like(window.frames[:, :1]).expand(-1, t.numel(), -1, -1)
        spread, share = added, added[:, 0]
        if self.course is not None:
            added = self.beyond_pchip(window, t)
            share = torch.from_numpy(self.course.share[self.place]).to(added)
            spread = self._spread(window.index, share, pchip_in_time(window.frames, window, t) + added)
        return added, uncertainty_in_time(window, t, spread, added, share, self.noise), share

    def _spread(self, gap: int, share: Tensor, coarse: Tensor) -> Tensor:
        """Posterior standard deviation in the middle of an interval, in units of the ``coarse`` image [b, m, h, w]."""
        slices, rows, columns = self.place
        relative = self.course.spread[max(gap - self.first, 0), slices, rows, columns]
        level = (coarse + self.offset / self.scale).clamp(min=0)
        return (share * torch.from_numpy(relative).to(coarse))[:, None] * level

    def beyond_pchip(self, window: Window, t: Tensor) -> Tensor:
        """What kinetics adds to pchip on the coarse grid, [b, m, h, w]; zero at the acquired frames."""
        found = self.kinetic_frames(window, t) - pchip_in_time(window.frames, window, t)
        share = torch.from_numpy(self.course.share[self.place]).to(found)
        return share[:, None] * (OWN_PART * found + (COMMON_PART - OWN_PART) * self._common(window, t).to(found))

    def kinetic_frames(self, window: Window, t: Tensor) -> Tensor:
        """Frames on the coarse grid, [b, m, h, w], by kinetics alone, also where it does not hold."""
        slices, rows, columns = self.place
        found = [
            self._by_kinetics(replace(window, frames=frames[None], times=times[None]), t, (z, rows, columns))
            for z, frames, times in zip(
                range(*slices.indices(self.course.slices)), window.frames, window.times, strict=True
            )
        ]
        return torch.cat(found)

    def _common(self, window: Window, t: Tensor) -> Tensor:
        """The mean over each slice of what kinetics by itself differs from pchip, [b, m, 1, 1]."""
        found = []
        for z in range(*self.place[0].indices(self.course.slices)):
            sample = self.samples[z]
            around = np.arange(window.index - 1, window.index + 3).clip(0, len(self.times) - 1)
            frames = (torch.from_numpy(sample.signal[around]) - self.offset) / self.scale
            here = replace(window, frames=frames[None, :, None], times=window.times[:1].cpu())
            moments = t.cpu()
            apart = self._by_kinetics(here, moments, (z, *sample.voxels)) - pchip_in_time(here.frames, here, moments)
            found.append((sample.share * apart[0, :, 0]).sum(1) / sample.share.sum().clamp(min=1e-6))
        return torch.stack(found)[..., None, None]

    def _by_kinetics(self, window: Window, t: Tensor, place: tuple) -> Tensor:
        """Frames of the voxels at ``place`` (z, y, x), [1, m, h, w]: kinetics, and what acquired frames differ."""
        index, times = window.index, torch.from_numpy(self.times)
        around = torch.arange(index - 1, index + 3).clamp(0, len(times) - 1)
        between = times[index] + t.double().cpu() * (times[index + 1] - times[index])
        curves = self.course.signal(place[0], torch.cat([times[around], between]).numpy(), *place[1:])
        course = ((torch.from_numpy(curves) - self.offset) / self.scale).to(window.frames)
        course = course.reshape(1, len(curves), *window.frames.shape[2:])
        missed = pchip_in_time(window.frames - course[:, :4], window, t)
        keep = 1 - (1 - self.course.residual_share) * 4 * t * (1 - t)
        return course[:, 4:] + keep[:, None, None] * missed


@dataclass(frozen=True, eq=False)
class _Samples:
    """Voxels of a slice.

    voxels   their rows and columns
    signal   float32[t, n], the first frame in steady state
    share    float32[n]: how far each follows kinetics
    """

    voxels: tuple[np.ndarray, np.ndarray]
    signal: np.ndarray
    share: Tensor

    @classmethod
    def of(cls, signal: np.ndarray, share: np.ndarray, first: int) -> _Samples:
        """Up to ``MOST_VOXELS`` of signal[t, y, x] with a ``share`` [y, x]; ``first`` is the first frame to use."""
        voxels = np.argwhere(share > 0)
        rows, columns = voxels[:: max(1, -(-len(voxels) // MOST_VOXELS))].T
        found = signal[:, rows, columns].astype(np.float32)
        found[:first] = found[first]
        return cls((rows, columns), found, torch.from_numpy(share[rows, columns]))


def _noise(signal: np.ndarray) -> float:
    """Return the standard deviation of noise from frame to frame of signal[t, z, y, x]; 0 for less than 3 frames.

    From second differences in the quietest quarter of the series, where no bolus bends the curves.
    """
    mean = signal.mean(axis=0)
    head = mean > head_threshold(mean)
    if len(signal) < 3 or not head.any():
        return 0.0
    curves = signal[:, head]
    triples = [np.median(curve_noise(curves[first : first + 3])) for first in range(len(curves) - 2)]
    return float(np.percentile(triples, 25))
