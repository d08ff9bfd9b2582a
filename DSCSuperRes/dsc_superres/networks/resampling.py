"""Separable resampling matrices and the classic interpolators built from them.

A fine grid of ``fine`` pixels and a coarse one of ``coarse`` pixels cover the same length, edge to edge, whatever
the ratio. Each matrix acts on one axis; an image is resampled as ``rows @ image @ columns.T``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def query_positions(fine: int, coarse: int) -> np.ndarray:
    """float64[fine]: the fine pixels' centers in coarse pixel indices (0 is the first center)."""
    return (np.arange(fine) + 0.5) * coarse / fine - 0.5


def _kernel_matrix(fine: int, coarse: int, kernel, reach: int) -> np.ndarray:
    position = query_positions(fine, coarse)
    first = np.floor(position).astype(int)
    matrix = np.zeros((fine, coarse))
    for offset in range(1 - reach, reach + 1):
        index = first + offset
        np.add.at(matrix, (np.arange(fine), np.clip(index, 0, coarse - 1)), kernel(np.abs(position - index)))
    return matrix / matrix.sum(axis=1, keepdims=True)


def _cubic_kernel(x: np.ndarray) -> np.ndarray:
    """Cubic convolution with a = -1/2, third-order accurate (Keys 1981)."""
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


@lru_cache(maxsize=64)
def upsampling_matrix(fine: int, coarse: int, kind: str) -> Tensor:
    """float32[fine, coarse]: ``linear`` or ``cubic`` interpolation; rows sum to one, edges are held."""
    if kind == "linear":
        matrix = _kernel_matrix(fine, coarse, lambda x: np.maximum(1 - x, 0), 1)
    else:
        matrix = _kernel_matrix(fine, coarse, _cubic_kernel, 2)
    return torch.from_numpy(matrix.astype(np.float32))


@lru_cache(maxsize=64)
def averaging_matrix(coarse: int, fine: int) -> Tensor:
    """float32[coarse, fine]: mean of the fine pixels under each coarse one, shared pixels by their overlap."""
    edges = np.arange(coarse + 1) * fine / coarse
    pixel = np.arange(fine)
    low = np.maximum(edges[:-1, None], pixel)
    high = np.minimum(edges[1:, None], pixel + 1)
    return torch.from_numpy((np.maximum(high - low, 0) * coarse / fine).astype(np.float32))


def resample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply one matrix to the rows and one to the columns of [..., y, x]."""
    return rows.to(image) @ image @ columns.to(image).T


def upsample(image: Tensor, size: tuple[int, int], kind: str) -> Tensor:
    """[..., h, w] -> [..., H, W] by ``linear`` or ``cubic`` interpolation."""
    rows, columns = (upsampling_matrix(fine, coarse, kind) for fine, coarse in zip(size, image.shape[-2:], strict=True))
    return resample(image, rows, columns)


def average(image: Tensor, size: tuple[int, int]) -> Tensor:
    """[..., H, W] -> [..., h, w] by area averaging: the block average where the factor is whole."""
    rows, columns = (averaging_matrix(coarse, fine) for coarse, fine in zip(size, image.shape[-2:], strict=True))
    return resample(image, rows, columns)


def back_project(image: Tensor, size: tuple[int, int], iterations: int = 3) -> Tensor:
    """Data-consistent up-sampling of [..., h, w] to [..., H, W].

    Cubic interpolation, then ``iterations`` times: average the result back to the coarse grid and add the
    interpolated difference to what was measured (iterative back-projection, Irani and Peleg 1991).
    """
    if size[0] < image.shape[-2] or size[1] < image.shape[-1]:
        return average(image, size)
    fine = upsample(image, size, "cubic")
    for _ in range(iterations):
        fine = fine + upsample(image - average(fine, tuple(image.shape[-2:])), size, "cubic")
    return fine
