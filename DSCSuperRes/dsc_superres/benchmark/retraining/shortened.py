"""A shortened run of the whole chain: tiny networks, a few steps, synthetic heads and patients. Shows that it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_superres.training.config import TrainOptions
from dsc_superres.training.patients import FRAME_COUNT, PATIENT_SLICES

STEPS = 3
SMALL_NETWORK = {
    "channels": 8,
    "blocks": 1,
    "frame_blocks": 1,
    "direction": 4,
    "field": 4,
    "decoder": 8,
    "detail": 8,
    "detail_blocks": 1,
    "detail_decoder": 8,
}
SMALL_DATA = {"scenes": 1, "pairs": 1, "coarse": 12, "patients_from": 0, "patient_share": 0.5}
HEAD_VOXELS = 64
HEAD_VOXEL_SIZE = 2.5
"""mm"""
PATIENT_PIXELS = 48
"""Along a side; at least the largest factor of refinement times ``SMALL_DATA["coarse"]``."""


def shorten(options: TrainOptions, folder: Path) -> TrainOptions:
    """The options with small networks, few steps and the synthetic heads in ``folder``."""
    data = options.data | SMALL_DATA | {"volumes": [str(folder / "head.nii.gz")]}
    if "labels" in data:
        data["labels"] = [str(folder / "labels.nii.gz")]
    network = {key: SMALL_NETWORK.get(key, value) for key, value in options.network.items()}
    few = {"steps": STEPS, "warm_up": 1, "coarse_from": 0, "validate_every": STEPS, "threads": 1, "workers": 0}
    return replace(options, network=network, data=data, **few)


def write_synthetic_heads(folder: Path) -> None:
    """Write a head volume (``head.nii.gz``) and its segmentation (``labels.nii.gz``): ellipsoids one in another."""
    import nibabel as nib

    folder.mkdir(parents=True, exist_ok=True)
    position = np.stack(np.meshgrid(*[np.linspace(-1, 1, HEAD_VOXELS)] * 3, indexing="ij"))
    radius = np.sqrt((position**2 / np.array([0.7, 0.9, 0.8]).reshape(3, 1, 1, 1) ** 2).sum(0))
    folds = 0.1 * np.sin(9 * position).prod(0)
    labels = np.digitize(-(radius + folds), [-1.0, -0.85, -0.6, -0.25]).astype(np.uint8)
    grays = np.array([0, 250, 90, 160, 220], np.float32)[labels]
    affine = np.diag([HEAD_VOXEL_SIZE] * 3 + [1])
    nib.save(nib.Nifti1Image(grays, affine), folder / "head.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), folder / "labels.nii.gz")


def write_synthetic_patients(folder: Path) -> None:
    """Write movies of discs with a bolus in the place of the digital training patients, under their names."""
    from dsc_superres.phantom import TRAINING_SEEDS

    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[-1 : 1 : PATIENT_PIXELS * 1j, -1 : 1 : PATIENT_PIXELS * 1j]
    mask = np.broadcast_to(np.hypot(y, x) < 0.9, (PATIENT_SLICES, PATIENT_PIXELS, PATIENT_PIXELS))
    still = mask * (1 + 0.3 * np.sin(7 * x) * np.cos(5 * y))
    bolus = 1 - 0.4 * np.exp(-((np.arange(FRAME_COUNT) - 20) ** 2) / 20)
    movie = (bolus[:, None, None, None] * still).astype(np.float16)
    for seed in TRAINING_SEEDS:
        path = folder / f"patient-{seed}-{PATIENT_SLICES}.npz"
        if not path.is_file():
            np.save(path.with_suffix(".npy"), movie)
            np.savez(path, mask=mask, interval=1.5, arrival=20.0)
