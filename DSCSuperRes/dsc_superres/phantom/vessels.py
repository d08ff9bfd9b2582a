"""Arteries and veins as branching trees with tapering radii, as volume fractions.

Trunks follow waypoints of the circle of Willis and of the sinuses in the template; branches are the shortest paths from
the trunks to random leaves through points scattered in the sulci; radii follow Murray's law (the sum of r^3 is
preserved).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from dsc_superres.phantom.anatomy import Anatomy
from dsc_superres.phantom.head_grid import HeadGrid

_MCA = [(5, 4, -22), (12, 5, -19), (24, 4, -18), (34, 2, -15), (41, -1, -8), (42, -8, 2), (43, -20, 10), (50, -34, 18)]
_MCA_UPPER = [(34, 2, -15), (39, 14, -2), (42, 20, 8), (46, 16, 18), (52, 4, 28)]
_ACA = [(5, 4, -22), (3, 14, -18), (2, 28, -10), (2, 37, 4), (2, 32, 20), (2, 14, 32), (2, -10, 38), (2, -34, 44)]
_PCA = [(1, -16, -20), (8, -17, -19), (18, -24, -14), (23, -36, -8), (20, -52, -2), (14, -68, 4), (10, -84, 6)]
_BASILAR = [(0, -30, -46), (0, -24, -36), (0, -18, -24), (1, -16, -20)]
_CAROTID = [(18, -6, -50), (15, 0, -38), (11, 2, -28), (5, 4, -22)]
_DEEP_VEIN = [(4, 20, 16), (3, 8, 18), (2, -10, 16), (2, -26, 10), (1, -40, 8), (0, -50, 12)]
_STRAIGHT = [(0, -50, 12), (0, -62, 4), (0, -76, -6), (0, -90, -14)]
_TRANSVERSE = [(0, -98, -12), (16, -98, -14), (34, -90, -16), (50, -72, -22), (56, -56, -28), (50, -46, -40)]


def draw_vessels(rng: np.random.Generator, anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    """Draw the volume fractions of arteries and veins, float32[z, y, x] each."""
    sizes = ((_CAROTID, 2.1), (_MCA, 1.5), (_MCA_UPPER, 1.3), (_ACA, 1.15), (_PCA, 1.15))
    trunks = [(path, radius * rng.uniform(0.85, 1.15)) for line, radius in sizes for path in _mirrored(line)]
    trunks.append((np.array(_BASILAR, float), rng.uniform(1.6, 2.0)))
    artery = _tree(rng, anatomy, trunks, leaves=260, thinnest=rng.uniform(0.26, 0.36))

    sagittal = anatomy.template.sagittal_outline(np.radians(np.linspace(8, 205, 60)))
    trunks = [(sagittal, rng.uniform(2.6, 3.6)), (np.array(_STRAIGHT, float), rng.uniform(1.6, 2.2))]
    trunks += [(path, rng.uniform(2.2, 3.4)) for path in _mirrored(_TRANSVERSE)]
    trunks += [(path, rng.uniform(0.8, 1.2)) for path in _mirrored(_DEEP_VEIN)]
    vein = _tree(rng, anatomy, trunks, leaves=260, thinnest=rng.uniform(0.28, 0.40))
    return np.minimum(artery, 1), np.minimum(vein, 1 - np.minimum(artery, 1))


def _mirrored(path: list[tuple[float, float, float]]) -> list[np.ndarray]:
    """Return a path on the right and its reflection on the left."""
    right = np.array(path, float)
    return [right, right * (-1, 1, 1)]


def _tree(rng, anatomy: Anatomy, trunks, leaves: int, thinnest: float) -> np.ndarray:
    """Return the volume fractions of one tree, float32[z, y, x]."""
    nodes, radii, edges = _trunk_graph(rng, anatomy, trunks)
    roots = nodes.shape[0]
    scattered = _sulcal_points(rng, anatomy, 4000)
    nodes = np.concatenate([nodes, scattered])
    parent, order = _shortest_paths(nodes, roots)
    leaf_nodes = rng.choice(np.arange(roots, nodes.shape[0]), leaves, replace=False)
    flow = np.zeros(nodes.shape[0])
    flow[leaf_nodes] = 1
    for node in order[::-1]:
        if parent[node] >= 0:
            flow[parent[node]] += flow[node]
    branch_nodes = np.flatnonzero((flow > 0) & (parent >= 0))
    radius = np.clip(thinnest * np.cbrt(flow), thinnest, 1.2)
    starts = np.concatenate([nodes[edges[:, 0]], nodes[parent[branch_nodes]]])
    ends = np.concatenate([nodes[edges[:, 1]], nodes[branch_nodes]])
    tube_radii = np.concatenate([radii[edges[:, 0]], radius[branch_nodes]])
    return fill_tubes(rng, anatomy.grid, starts, ends, tube_radii)


def _trunk_graph(rng, anatomy: Anatomy, trunks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return nodes float[n, 3] (z, y, x; mm on the grid) every 2 mm, their radii, and the pairs that are connected."""
    nodes, radii, edges, node_count = [], [], [], 0
    for path, radius in trunks:
        length = np.append(0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
        position = np.linspace(0, length[-1], max(int(length[-1] / 2), 2))
        points = np.stack([np.interp(position, length, path[:, i]) for i in range(3)], 1)
        wobble = np.cumsum(rng.normal(0, 0.3, points.shape), 0)
        wobble -= position[:, None] / length[-1] * wobble[-1]
        points = anatomy.place(points + wobble) * anatomy.grid.steps
        nodes.append(points)
        radii.append(np.linspace(radius, 0.75 * radius, len(position)))
        edges.append(node_count + np.stack([np.arange(len(position) - 1), np.arange(1, len(position))], 1))
        node_count += len(position)
    return np.concatenate(nodes), np.concatenate(radii), np.concatenate(edges)


def _sulcal_points(rng, anatomy: Anatomy, number: int) -> np.ndarray:
    """Return random points in the fluid near the surface of the brain, float[n, 3] (z, y, x; mm).

    The ventricles are excluded.
    """
    x, y, z = anatomy.warp
    ventricles = (np.abs(x) < 30) & (y > -50) & (y < 35) & (z > -8) & (z < 32)
    candidates = np.flatnonzero((anatomy.fluid > 0.5) & (anatomy.depth > -0.5) & (anatomy.depth < 30) & ~ventricles)
    index = np.stack(np.unravel_index(rng.choice(candidates, number), anatomy.labels.shape), 1)
    return (index + rng.uniform(-0.5, 0.5, index.shape)) * anatomy.grid.steps


def _shortest_paths(nodes: np.ndarray, roots: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbor of each node on the path to the nearest root (-1 at roots), and the nodes by distance.

    The cost of an edge grows faster than its length, so that paths follow their sulcus.
    """
    distance, neighbor = cKDTree(nodes).query(nodes, k=9)
    rows = np.repeat(np.arange(len(nodes)), 8)
    graph = sparse.csr_matrix((distance[:, 1:].ravel() ** 1.7, (rows, neighbor[:, 1:].ravel())), (len(nodes),) * 2)
    path_length, parent, _ = dijkstra(
        graph, directed=False, indices=np.arange(roots), min_only=True, return_predecessors=True
    )
    parent[:roots] = -1
    parent[~np.isfinite(path_length)] = -1
    return parent, np.argsort(path_length)


def fill_tubes(rng: np.random.Generator, grid: HeadGrid, starts, ends, radii: np.ndarray) -> np.ndarray:
    """Return the fraction of each voxel that lies in tubes, float32[z, y, x], by random points of equal volume.

    ``starts`` and ``ends`` are float[n, 3] (z, y, x; mm on the grid), ``radii`` float[n] in mm.
    """
    points_per_voxel = 30
    length = np.linalg.norm(ends - starts, axis=1)
    point_count = np.ceil(np.pi * radii**2 * length / grid.steps.prod() * points_per_voxel).astype(int)
    tube_of_point = np.repeat(np.arange(len(radii)), point_count)
    axis = (ends - starts) / np.maximum(length, 1e-6)[:, None]
    across = rng.normal(size=(tube_of_point.size, 3))
    across -= np.sum(across * axis[tube_of_point], 1, keepdims=True) * axis[tube_of_point]
    across *= (radii[tube_of_point] * np.sqrt(rng.uniform(size=tube_of_point.size)) / np.linalg.norm(across, axis=1))[
        :, None
    ]
    points = starts[tube_of_point] + rng.uniform(size=(tube_of_point.size, 1)) * (ends - starts)[tube_of_point] + across
    index = np.rint(points / grid.steps).astype(int)
    inside = np.all((index >= 0) & (index < grid.shape), axis=1)
    flat = np.ravel_multi_index(index[inside].T, grid.shape)
    point_density = np.bincount(flat, minlength=np.prod(grid.shape)).reshape(grid.shape)
    return np.minimum(point_density / points_per_voxel, 1).astype(np.float32)
