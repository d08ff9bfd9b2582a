"""The two scales of Philips images, and which of them makes the frames of a series comparable.

The displayed value of a stored one is ``stored * RescaleSlope + RescaleIntercept``; the signal is that divided by
``RescaleSlope * scale slope``, where the scale slope is a private tag (Chenevert et al., Transl Oncol 7:65, 2014).
Displayed values are proportional to the signal as long as this product is the same in all images of a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsc_superres.io.dicom_slice import Slice

SIGNAL_NOTE = (
    "Philips scales the displayed values of this series differently from image to image: they are divided by "
    "RescaleSlope and the scale slope, which gives the signal."
)
_SAME = 1e-3
"""Products of the slopes that differ by less than this part are one."""


def has_one_scale(rescale_slopes: Sequence[float], scale_slopes: Sequence[float | None]) -> bool:
    """Return whether displayed values are proportional to the signal, or the signal is not known.

    >>> has_one_scale([1.5, 3.0], [0.2, 0.1]), has_one_scale([1.5, 1.5], [0.2, 0.1]), has_one_scale([1, 2], [0.2, None])
    (True, False, True)
    """
    if any(slope is None for slope in scale_slopes):
        return True
    products = np.abs(np.multiply(rescale_slopes, np.array(scale_slopes, np.float64)))
    return bool(np.ptp(products) <= _SAME * products.min())


def with_one_scale(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the images with rescaling that makes them comparable, and a sentence if that is not the displayed one."""
    if has_one_scale([s.scale[0] for s in slices], [s.scale_slope for s in slices]):
        return slices, ()
    return [replace(s, scale=_signal_scale(s)) for s in slices], (SIGNAL_NOTE,)


def _signal_scale(image: Slice) -> tuple[float, float]:
    slope, intercept = image.scale
    return 1 / image.scale_slope, intercept / (slope * image.scale_slope)
