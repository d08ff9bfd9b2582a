"""Base anatomies: MNI152 tissue maps and the fsaverage cortex, both included in nilearn.

Training patients are derived from the first, validation patients from the second: the cortex of fsaverage comes from
other people (Fischl et al., Hum Brain Mapp 1999;8:272) and is a mesh, not a volume average. Deep nuclei, ventricles,
brain stem and cerebellum are not part of that mesh and come from MNI152 in both; they differ by the warps only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

NAMES = ("mni152", "fsaverage")
"""Names of the base anatomies."""

# FreeSurfer's published linear map from MNI305 (where fsaverage lies) to MNI152, mm.
_MNI305_TO_152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
    ]
)


@dataclass(frozen=True, eq=False)
class Template:
    """Fractions of gray and white matter, and the hull of the brain; float32[x, y, z] at 1 mm.

    ``to_index`` float64[4, 4] maps RAS coordinates in mm to voxel indices.
    """

    gray: np.ndarray
    white: np.ndarray
    hull: np.ndarray
    to_index: np.ndarray

    def sample(self, name: str, points: np.ndarray) -> np.ndarray:
        """Return the map ``name`` at ``points`` float32[3, ...] (RAS, mm), float32[...]."""
        matrix = self.to_index.astype(np.float32)
        index = [sum(matrix[i, j] * points[j] for j in range(3)) + matrix[i, 3] for i in range(3)]
        return ndimage.map_coordinates(getattr(self, name), index, order=1)

    def sagittal_outline(self, angles: np.ndarray) -> np.ndarray:
        """Return the outline of the hull between the hemispheres, float[n, 3] (RAS, mm).

        ``angles`` (rad) are measured upwards from the front.
        """
        radii = np.arange(20, 130, 0.5)
        ray = np.stack([np.zeros_like(angles), np.cos(angles), np.sin(angles)])
        points = np.array([0.0, -18.0, 5.0])[:, None, None] + radii[:, None] * ray[:, None]
        inside = self.sample("hull", points.astype(np.float32)) > 0.5
        last = radii.size - 1 - np.argmax(inside[::-1], axis=0)
        return points[:, last, np.arange(angles.size)].T


def load_template(name: str) -> Template:
    """Return the base anatomy ``name``, one of ``NAMES``."""
    return _mni152() if name == "mni152" else _fsaverage()


@lru_cache(maxsize=1)
def _mni152() -> Template:
    from nilearn import datasets

    gray = datasets.load_mni152_gm_template(resolution=1)
    white = datasets.load_mni152_wm_template(resolution=1)
    inside = np.asarray(datasets.load_mni152_template(resolution=1).dataobj) > 0
    hull = ndimage.gaussian_filter(inside.astype(np.float32), 1.0)
    maps = (np.asarray(image.dataobj, np.float32) for image in (gray, white))
    return Template(*maps, hull, np.linalg.inv(gray.affine))


@lru_cache(maxsize=1)
def _fsaverage() -> Template:
    base = _mni152()
    # Averaging over people shrinks the surfaces away from the sulci, which is undone here.
    pial, white = (_grow(_volume_inside(base, name), level, base) for name, level in (("pial", 0.12), ("white", 0.30)))
    nuclei = _ellipsoid(base, (0, -8, 3), (37, 36, 23))
    hindbrain = np.maximum(_ellipsoid(base, (0, -63, -38), (58, 42, 33)), _ellipsoid(base, (0, -28, -32), (22, 20, 36)))
    ventricles = _ellipsoid(base, (0, -20, 8), (40, 62, 34)) * (white > 0.5)
    from_mni = np.maximum(nuclei, hindbrain * (pial < 0.5))
    fluid = np.clip(base.hull - base.gray - base.white, 0, 1) * ventricles
    gray = (1 - from_mni) * np.maximum(pial - white, 0) + from_mni * base.gray
    white = (1 - from_mni) * white * (1 - fluid) + from_mni * base.white
    hull = ndimage.gaussian_filter(_close_sulci(gray + white > 0.5).astype(np.float32), 1.0)
    return Template(gray, white, hull, base.to_index)


def _grow(inside: np.ndarray, level: float, template: Template) -> np.ndarray:
    """Return a fraction map whose surface lies where the blurred map equals ``level``; hollows are closed first."""
    return np.clip((ndimage.gaussian_filter(inside, 2.0) - level) * 4 + 0.5, 0, 1) * (template.hull > 0.3)


def _ellipsoid(template: Template, center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """Return an ellipsoid (RAS, mm), float32[x, y, z]: 1 inside and 0 outside, with a soft edge."""
    parts = (((c - p) / r) ** 2 for c, p, r in zip(_coordinates(template), center, radii, strict=True))
    return np.clip((1.05 - np.sqrt(sum(parts))) * 10, 0, 1).astype(np.float32)


def _coordinates(template: Template) -> list[np.ndarray]:
    """Return open grids x, y, z of RAS coordinates (mm) of a template with straight axes."""
    affine = np.linalg.inv(template.to_index)
    ranges = (affine[i, i] * np.arange(n) + affine[i, 3] for i, n in enumerate(template.gray.shape))
    return np.ix_(*ranges)


def _close_sulci(mask: np.ndarray, radius: float = 10.0) -> np.ndarray:
    """Return ``mask`` with closed sulci: dilated and eroded by ``radius`` mm, on 2 mm voxels."""
    coarse = mask[::2, ::2, ::2]
    grown = ndimage.distance_transform_edt(~coarse) < radius / 2
    closed = (ndimage.distance_transform_edt(grown) > radius / 2 - 0.5).astype(np.float32)
    index = np.ix_(*(np.minimum(np.arange(n) // 2, c - 1) for n, c in zip(mask.shape, closed.shape, strict=True)))
    return (ndimage.gaussian_filter(closed[index], 1.5) > 0.5) | mask


def _volume_inside(template: Template, surface: str) -> np.ndarray:
    """Return the fraction of each voxel inside both hemispheres' ``surface`` ("pial" or "white"), float32[x, y, z].

    The derivative of the inside's indicator along z is minus the z component of the surface's normal: the projected
    area of each triangle is added at its position, and a cumulative sum from below gives the volume inside.
    """
    import nibabel
    from nilearn import datasets

    files = datasets.fetch_surf_fsaverage("fsaverage5")
    change = np.zeros(template.gray.size)
    for side in ("left", "right"):
        vertices, faces = (a.data for a in nibabel.load(files[f"{surface}_{side}"]).darrays)
        vertices = vertices @ _MNI305_TO_152[:, :3].T + _MNI305_TO_152[:, 3]
        index = vertices @ template.to_index[:3, :3].T + template.to_index[:3, 3]
        _add_projected_areas(change, template.gray.shape, index[faces])
    inside = np.cumsum(change.reshape(template.gray.shape), axis=2)
    return np.clip(inside, 0, 1).astype(np.float32)


def _add_projected_areas(change: np.ndarray, shape: tuple[int, ...], corners: np.ndarray, parts: int = 8) -> None:
    """Add triangles float[n, 3, 3] (voxel indices), each divided into ``parts``^2, to the flat array ``change``."""
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] / 2 / parts**2
    u, v = np.meshgrid(*[(np.arange(2 * parts) + 0.5) / (2 * parts)] * 2)
    # Samples in half of the unit square, each of which represents the same area.
    inside = u + v < 1
    u, v = u[inside], v[inside]
    share = area * parts**2 / u.size
    for a, b in zip(u, v, strict=True):
        point = corners[:, 0] * (1 - a - b) + corners[:, 1] * a + corners[:, 2] * b
        column, row = np.rint(point[:, 0]).astype(int), np.rint(point[:, 1]).astype(int)
        below = np.floor(point[:, 2]).astype(int)
        rest = point[:, 2] - below
        flat = (column * shape[1] + row) * shape[2] + below
        np.add.at(change, flat, share * (rest - 1))
        np.add.at(change, flat + 1, -share * rest)
