"""Ground truth of the voxels of the images: volumes, flows, times and tissue."""

from __future__ import annotations

import numpy as np

from dsc_superres.phantom import anatomy as tissue
from dsc_superres.phantom.head import Head
from dsc_superres.phantom.head_grid import LAYERS
from dsc_superres.phantom.scanner import Compartment


def slice_truth(parts: list[Compartment], head: Head, index: int) -> dict[str, np.ndarray]:
    """Return the maps [y, x] of slice ``index``.

    Volumes and flows are sums over the content of a voxel, times are averages weighted by flow.
    """
    shape = head.labels.shape[1:]

    def total(values: list[np.ndarray]) -> np.ndarray:
        summed = sum(np.bincount(p.pixel, v, shape[0] * shape[1]) for p, v in zip(parts, values, strict=True))
        return summed.reshape(shape).astype(np.float32)

    flows = [p.share * p.cbf for p in parts]
    cbf = total(flows)
    cbv = total([f * p.mtt / 60 for f, p in zip(flows, parts, strict=True)])
    positive_cbf = np.maximum(cbf, 1e-6)
    delay = total([f * p.delay for f, p in zip(flows, parts, strict=True)]) / positive_cbf
    residue_peak = total([f * p.curves.time_to_peak(p.mtt) for f, p in zip(flows, parts, strict=True)]) / positive_cbf
    layers = slice(index * LAYERS, (index + 1) * LAYERS)
    fluid, artery, vein = (getattr(head, name)[layers] for name in ("fluid", "artery", "vein"))
    tissue_share = (1 - artery - vein) * (1 - fluid)
    volumes = np.stack([((head.labels[layers] == label) * tissue_share).sum(0) for label in tissue.TISSUES])
    volumes[tissue.CSF] = ((1 - artery - vein) * fluid).sum(0)
    volumes[tissue.ARTERY], volumes[tissue.VEIN] = artery.sum(0), vein.sum(0)
    brain = volumes[tissue.CSF :].sum(0) > LAYERS / 2
    return {
        "cbv": cbv,
        "cbf": cbf,
        "mtt": 60 * cbv / positive_cbf,
        "delay": delay,
        "tmax": delay + residue_peak,
        "tissue": volumes.argmax(0).astype(np.uint8),
        "mask": brain,
        "vessels": (artery + vein).mean(0),
    }
