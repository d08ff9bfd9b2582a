"""Philips ``.par`` files with their ``.rec``, read by nibabel.

Values are those that the scanner displays, unless these are scaled differently from image to image. The time of a frame
is its ``dyn_scan_begin_time``, else its number times the repetition time, which is the frame interval of single-shot
sequences.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np

from dsc_superres.errors import FileError, SeriesError
from dsc_superres.geometry import Geometry
from dsc_superres.io.image_file import StoredImage, check_memory
from dsc_superres.io.nifti_header import check_length
from dsc_superres.io.philips_scale import SIGNAL_NOTE, has_one_scale
from dsc_superres.series import MISSING

_MAGNITUDE = 0
"""``image_type_mr`` of magnitude images."""


def read_par_rec(path: Path, name: str, echo: int | None = None) -> StoredImage:
    """Read a series; ``echo`` counts from 1. Raises ``FileError``, or ``SeriesError`` if an echo must be chosen."""
    from nibabel import parrec

    par, rec = _beside(path, ".par"), _beside(path, ".rec")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of volumes that are not complete, which are left out
            image = parrec.load(str(par), strict_sort=True, permit_truncated=True)
            one_scale = _has_one_scale(image.header.image_defs)
            if not one_scale:
                image = parrec.load(str(par), strict_sort=True, permit_truncated=True, scaling="fp")
            check_memory(par, math.prod(image.shape))
            check_length(rec, math.prod(image.shape) * image.header.get_data_dtype().itemsize, par.name)
            voxels = np.asarray(image.dataobj, np.float32)
            labels = {label: np.atleast_1d(values) for label, values in image.header.get_volume_labels().items()}
            definitions = image.header.image_defs
    except FileError:
        raise
    except Exception as error:  # nibabel raises any type of exception for damaged files
        raise FileError(f"{par} cannot be read as PAR/REC: it is cut short, damaged or of an old version.") from error
    if voxels.ndim != 4:
        raise SeriesError(f"{name} has a single frame; a perfusion series needs at least two.")
    chosen, notes = _chosen(voxels.shape[3], labels, name, echo)
    planned = int(image.header.general_info.get("max_dynamics") or 0)
    if planned > len(chosen):
        notes += (f"The scan was to have {planned} frames, of which {len(chosen)} are complete.",)
    if not one_scale:
        notes += (SIGNAL_NOTE,)
    echo_time = _echo_time(definitions, labels, chosen)
    times, source = _times(image.header, definitions, chosen)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    return StoredImage(
        array=np.ascontiguousarray(voxels[..., chosen].T),
        geometry=Geometry(tuple(spacing), tuple(affine[:3, 3]), tuple(map(tuple, affine[:3, :3] / spacing))),
        scalar_type=np.dtype(np.float32),
        frame_times=times,
        echo_time=echo_time,
        sources={
            "times": source,
            "echo_time": MISSING if echo_time is None else "PAR echo_time",
            "geometry": "PAR position and angulation",
        },
        notes=notes,
    )


def _beside(path: Path, suffix: str) -> Path:
    """Return the file of the same name with another suffix, in either case. Raises ``FileError``."""
    for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
        if candidate.is_file():
            return candidate
    raise FileError(f"{path} is one of two files, of which the {suffix} is missing: copy it beside.")


def _has_one_scale(definitions: np.ndarray) -> bool:
    magnitude = definitions[definitions["image_type_mr"] == _MAGNITUDE]
    return not len(magnitude) or has_one_scale(magnitude["rescale slope"], magnitude["scale slope"])


def _chosen(
    count: int, labels: dict[str, np.ndarray], name: str, echo: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the indices of the volumes to use, and sentences about others. Raises ``SeriesError``."""
    chosen, notes = np.ones(count, bool), ()
    kinds = labels.get("image_type_mr", np.full(count, _MAGNITUDE))
    if np.any(kinds != _MAGNITUDE):
        chosen &= kinds == _MAGNITUDE
        if not chosen.any():
            raise SeriesError(f"{name} holds no magnitude images: choose the series that does.")
        notes = (f"The {chosen.sum()} magnitude volumes are used; the {count - chosen.sum()} others are not.",)
    echoes = np.unique(labels.get("echo number", np.ones(count)))
    if echo is None and len(echoes) > 1:
        raise SeriesError(f"{name} holds {len(echoes)} echoes: choose one (--echo 1 to {len(echoes)}).")
    if echo is not None and echo > len(echoes):
        raise SeriesError(f"{name} has no echo {echo}: it holds {len(echoes)}.")
    if len(echoes) > 1:
        chosen &= labels["echo number"] == echoes[echo - 1]
        notes += (f"Of {len(echoes)} echoes, number {echo} is used.",)
    return np.flatnonzero(chosen), notes


def _echo_time(definitions: np.ndarray, labels: dict[str, np.ndarray], chosen: np.ndarray) -> float | None:
    """Return the echo time in s, None if the file states none."""
    rows = np.ones(len(definitions), bool)
    if "echo number" in labels:
        rows = definitions["echo number"] == labels["echo number"][chosen[0]]
    stated = definitions["echo_time"][rows]
    return float(np.median(stated)) / 1000 if len(stated) and np.median(stated) > 0 else None


def _times(header: object, definitions: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Return the frame times in s, or None, and their source."""
    if "dyn_scan_begin_time" in (definitions.dtype.names or ()):
        moments = np.unique(definitions["dyn_scan_begin_time"])
        if len(moments) == len(chosen):
            return moments - moments[0], "PAR dyn_scan_begin_time"
    repetition = np.median(np.atleast_1d(header.general_info.get("repetition_time", 0))) / 1000
    if repetition > 0:
        return repetition * np.arange(len(chosen)), "PAR repetition_time"
    return None, MISSING
