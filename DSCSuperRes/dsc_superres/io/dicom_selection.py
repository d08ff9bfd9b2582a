"""Which images of a DICOM series are used: magnitude of magnitude and phase, one of several echoes and stacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.io.dicom_slice import Slice

_SAME_ECHO = 0.1
"""Echo times closer than this, ms, are one echo: they are rounded differently from file to file."""


def select_images(
    slices: list[Slice], name: str, echo: int | None, stack: int | None
) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the images to read and sentences about the others.

    ``echo`` and ``stack`` count from 1, echoes in the order of their times and stacks in that of their names or
    orientations; None where there is but one. Raises ``SeriesError`` where the choice is missing or impossible.
    """
    slices, notes = _magnitude(slices, name)
    echoes = _echoes(slices)
    listing = [f"{_mean_echo(group):.4g} ms ({len(group)} images)" for group in echoes]
    slices, note = _chosen(echoes, echo, "echo", "echoes", listing, name)
    _check_kinds(slices, name)
    notes += note
    stacks = _stacks(slices)
    listing = [f"{_plane(group[0])} ({_heights(group)} slices, {len(group)} images)" for group in stacks]
    slices, note = _chosen(stacks, stack, "stack", "stacks of slices", listing, name)
    return slices, notes + note


def _magnitude(slices: list[Slice], name: str) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the magnitude images. Raises ``SeriesError`` if there are none."""
    counts = {component: sum(s.component == component for s in slices) for component in _in_order(slices)}
    if "magnitude" not in counts:
        raise SeriesError(
            f"{name} holds {' and '.join(counts)} images only: choose the series of magnitude images, which perfusion "
            "needs."
        )
    if len(counts) == 1:
        return slices, ()
    others = " and ".join(f"{count} {component}" for component, count in counts.items() if component != "magnitude")
    note = f"The {counts['magnitude']} magnitude images are used; the {others} images beside them are not."
    return [s for s in slices if s.component == "magnitude"], (note,)


def _in_order(slices: list[Slice]) -> list[str]:
    return list(dict.fromkeys(s.component for s in slices))


def _check_kinds(slices: list[Slice], name: str) -> None:
    kinds: dict[tuple[str, ...], int] = {}
    for s in slices:
        kinds[s.kind] = kinds.get(s.kind, 0) + 1
    if len(kinds) > 1:
        listing = ", ".join(f"{count} images {' '.join(kind) or 'without a type'}" for kind, count in kinds.items())
        raise SeriesError(
            f"{name} mixes {len(kinds)} kinds of image (ImageType: {listing}; originals and maps, for example): "
            "keep the files of one kind."
        )


def _echoes(slices: list[Slice]) -> list[list[Slice]]:
    """Return the images by echo time, the shortest first; those without belong to the first echo."""
    times = sorted({s.echo_time for s in slices if s.echo_time is not None})
    starts = [time for k, time in enumerate(times) if k == 0 or time - times[k - 1] > _SAME_ECHO]
    if len(starts) < 2:
        return [slices]
    groups: list[list[Slice]] = [[] for _ in starts]
    for s in slices:
        index = 0 if s.echo_time is None else int(np.searchsorted(starts, s.echo_time, side="right")) - 1
        groups[index].append(s)
    return groups


def _stacks(slices: list[Slice]) -> list[list[Slice]]:
    """Return the images by stack: by their orientation and, where these occupy different places, by StackID."""
    groups: list[list[Slice]] = []
    for s in slices:
        same = next((g for g in groups if g[0].stack == s.stack and _parallel(g[0].axes, s.axes)), None)
        if same is None:
            groups.append([s])
        else:
            same.append(s)
    parallel = all(_parallel(g[0].axes, groups[0][0].axes) for g in groups)
    places = [{tuple(np.round(s.position, 1)) for s in group} for group in groups]
    if parallel and (all(p == places[0] for p in places) or all(len(p) == 1 for p in places)):
        return [slices]  # StackID counts frames or slices, not stacks
    return groups


def _parallel(axes: np.ndarray, others: np.ndarray) -> bool:
    return np.array_equal(axes, others) or np.allclose(axes, others, atol=1e-3)  # most are equal, which is soon seen


def _chosen(
    groups: list[list[Slice]], choice: int | None, word: str, words: str, listing: Sequence[str], name: str
) -> tuple[list[Slice], tuple[str, ...]]:
    """Return the chosen group. Raises ``SeriesError`` where it must be chosen, or is not there."""
    items = ", ".join(f"{k} at {text}" if word == "echo" else f"{k} {text}" for k, text in enumerate(listing, 1))
    if choice is None and len(groups) == 1:
        return groups[0], ()
    if choice is None:
        raise SeriesError(f"{name} holds {len(groups)} {words}: {items}; choose one (--{word} 1 to {len(groups)}).")
    if not 1 <= choice <= len(groups):
        raise SeriesError(f"{name} has no {word} {choice}: it holds {items}.")
    if len(groups) == 1:
        return groups[0], ()
    return groups[choice - 1], (f"Of {len(groups)} {words}, number {choice} is used, {listing[choice - 1]}.",)


def _mean_echo(group: list[Slice]) -> float:
    return float(np.mean([s.echo_time for s in group if s.echo_time is not None]))


def _plane(image: Slice) -> str:
    """Return the slice plane in words."""
    return ("sagittal", "coronal", "axial")[int(np.abs(np.cross(*image.axes)).argmax())]


def _heights(group: list[Slice]) -> int:
    normal = np.cross(*group[0].axes)
    return len({round(float(s.position @ normal), 1) for s in group})
