"""The interface that networks and interpolators share."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from dsc_superres.errors import ModelError
from dsc_superres.models import names_with_uncertainty
from dsc_superres.networks.window import Window
from dsc_superres.series import Series
from dsc_superres.utils.progress import IsCancelled, never


class Model(nn.Module):
    """Computes frames between two acquired ones, at any times and on any grid.

    A network that corrects an interpolator has that as its submodule ``base``. A network that estimates its uncertainty
    has a buffer ``calibration``, a factor of the standard deviation that is measured at the end of training.
    """

    estimates_uncertainty = False
    """Whether ``with_uncertainty`` can be called."""

    removes_initial_transient = False
    """Whether ``reconstruct`` gives it a first frame in steady state and restores the initial transient afterwards."""

    uncertainty_coefficients: Mapping[str, float] | None = None
    """Coefficients for ``reconstruction.uncertainty_calibration``; None leaves the standard deviation as estimated."""

    provenance: Mapping[str, str | None] | None = None
    """Name and checksum of the weights of a model that was loaded; None for one that was built otherwise."""

    notes: tuple[str, ...] = ()
    """Sentences on how it was applied to its series."""

    drawn_toward_kinetics = False
    """Whether its frames are drawn toward kinetics afterwards (``reconstruction.toward_kinetics``)."""

    transient_is_factor = False
    """Whether that transient is restored as a factor between two images of ``base`` instead of as a difference."""

    def forward(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> Tensor:
        """Frames float32[b, m, H, W] at the times ``t`` [m] (ascending, 0 and 1 at the pair), ``size`` (H, W).

        ``cache`` (optional) keeps results that successive pairs of one series share.
        ``fast`` computes in bfloat16 if the model supports it: twice as fast, with errors of about a thousandth of the
        intensities.
        """
        raise NotImplementedError

    def for_series(
        self,
        series: Series,
        offset: float,
        scale: float,
        transient: bool,
        uncertainty: bool = False,
        cancelled: IsCancelled = never,
    ) -> Model:
        """The model for one series, whose normalized signal is (signal - offset) / scale: most need not know it.

        ``transient`` is whether the first frame is replaced by the second, ``uncertainty`` whether
        ``with_uncertainty`` will be called. Raises ``Cancelled``.
        """
        return self

    def for_piece(self, slices: slice, rows: slice, columns: slice) -> Model:
        """The model for a part of its series on the coarse grid."""
        return self

    def with_uncertainty(
        self, window: Window, t: Tensor, size: tuple[int, int], cache: dict | None = None, *, fast: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Frames and the standard deviation of their error, both float32[b, m, H, W]; arguments as for ``forward``.

        Raises ``ModelError`` for a model that does not estimate it.
        """
        raise no_uncertainty()


def no_uncertainty() -> ModelError:
    """Return the error for a model that does not estimate its uncertainty."""
    return ModelError(f"This model does not estimate its uncertainty: choose {' or '.join(names_with_uncertainty())}.")
