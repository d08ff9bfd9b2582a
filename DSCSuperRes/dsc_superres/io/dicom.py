"""Reading of a DICOM series, classic or enhanced MR or mosaics: from its files to signal, geometry and times."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from dsc_superres.errors import SeriesError
from dsc_superres.io.dicom_copies import each_image_once
from dsc_superres.io.dicom_files import image_headers, is_dicom
from dsc_superres.io.dicom_frames import check_alike, slices_of
from dsc_superres.io.dicom_moving_slices import with_one_grid
from dsc_superres.io.dicom_order import SortedFrames, sort_into_frames
from dsc_superres.io.dicom_pixels import read_voxels
from dsc_superres.io.dicom_selection import select_images
from dsc_superres.io.dicom_series import is_lone_volume, lone_volume, one_series
from dsc_superres.io.dicom_times import find_times
from dsc_superres.io.dicom_volumes import with_other_volumes
from dsc_superres.io.image_file import StoredImage
from dsc_superres.io.philips_scale import with_one_scale
from dsc_superres.series import MISSING

__all__ = ["is_dicom", "read_dicom"]


def read_dicom(
    path: Path,
    name: str | None = None,
    *,
    series: int | None = None,
    echo: int | None = None,
    stack: int | None = None,
    has_interval: bool = False,
) -> StoredImage:
    """Read the series in a folder, or the series that a file belongs to; subfolders where the folder has no image.

    Parameters
    ----------
    path : Path
    name : str, optional
        What messages call the series.
    series : int, optional
        Number of the series in a folder that has several.
    echo, stack : int, optional
        Which echo and which stack of slices, counted from 1; needed where there are several.
    has_interval : bool
        Whether the user gives the frame interval, so that clocks may contradict each other.

    Raises
    ------
    FileError
        If the folder does not contain exactly one such series or if files cannot be read.
    SeriesError
        If its images do not form a dynamic series.
    """
    name = name or path.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of values that do not conform to the standard
        headers, series_notes = one_series(image_headers(path), path, name, series)
        if is_lone_volume(headers):
            headers, series_notes = one_series(with_other_volumes(headers, path), next(iter(headers)), name)
        headers = each_image_once(headers)
        slices = [s for file, header in headers.items() for s in slices_of(file, header)]
        slices, grid_notes = with_one_grid(slices)
        slices, image_notes = select_images(slices, name, echo, stack)
        slices, scale_notes = with_one_scale(slices)
        check_alike(slices, name)
        found = sort_into_frames(slices, name, clock_matters=not has_interval)
        if len(found.frames) < 2 and (advice := lone_volume(headers)):
            raise SeriesError(f"{name} has a single frame.{advice}")
        timing = find_times(found, headers[found.frames[0][0].path], name, is_given=has_interval)
        signal, scalar_type = read_voxels(found.frames, headers)
    echo_time = _echo_time(found)
    return StoredImage(
        array=signal,
        geometry=found.geometry,
        scalar_type=scalar_type,
        frame_times=timing.times,
        echo_time=None if echo_time is None else echo_time / 1000,
        sources={
            "times": timing.source,
            "echo_time": MISSING if echo_time is None else "DICOM EchoTime",
            "geometry": "DICOM position and orientation",
        },
        slice_times=timing.slice_times,
        notes=(*series_notes, *image_notes, *grid_notes, *scale_notes, *found.notes, *timing.notes),
    )


def _echo_time(found: SortedFrames) -> float | None:
    """Return the echo time in ms, None if no image states it."""
    times = [s.echo_time for frame in found.frames for s in frame if s.echo_time is not None]
    return float(np.median(times)) if times else None
