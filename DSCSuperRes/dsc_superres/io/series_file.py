"""Reading and writing of a series in any format, including its JSON sidecar."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_superres.errors import DSCError, FileError, SeriesError
from dsc_superres.io.frame_timing import (
    PLAUSIBLE_INTERVAL,
    FrameTiming,
    Listed,
    Stated,
    choose,
    gap_notes,
    given_interval,
    given_notes,
)
from dsc_superres.io.image_checksum import image_checksum
from dsc_superres.io.image_file import (
    StoredImage,
    check_exists,
    check_sidecar_is_free,
    suffix_of,
)
from dsc_superres.io.nifti import write_nifti
from dsc_superres.io.nrrd import write_nrrd
from dsc_superres.io.readers import read_stored
from dsc_superres.io.recorded_provenance import believed_record, header_record, provenance_record
from dsc_superres.io.sidecar import Sidecar, sidecar_bytes, sidecar_path, uniform_interval
from dsc_superres.io.slice_timing import read_slice_times
from dsc_superres.series import MISSING, Series
from dsc_superres.utils.atomic_writing import atomic_file, atomic_files, check_target
from dsc_superres.utils.file_names import SERIES_SUFFIXES

_SOURCE_USER = "given by the user"
"""Entry of ``Series.sources`` for values passed by the caller."""
ECHO_TIMES_MS = (3.0, 200.0)
"""Numbers that are echo times in ms: no series has one of seconds."""


def read_series(
    path: str | os.PathLike[str],
    *,
    echo_time: float | None = None,
    interval: float | None = None,
    series: int | None = None,
    echo: int | None = None,
    stack: int | None = None,
    name: str | None = None,
) -> Series:
    """Read a dynamic series from a file or a DICOM folder.

    Parameters
    ----------
    path : path
        4D NIfTI (``.nii``, ``.nii.gz``, ``.hdr`` with ``.img``), NRRD (``.seq.nrrd``, ``.nrrd``), a DICOM folder or a
        ZIP of one, one file of a DICOM series, or a Philips ``.par`` with its ``.rec``.
    echo_time : float, optional
        Echo time in s, instead of the value in the file.
    interval : float, optional
        Time from frame to frame in s, instead of the times in the file.
    series : int, optional
        Number of the series in a DICOM folder that has several.
    echo, stack : int, optional
        Which echo and which stack of slices of a DICOM series that has several, counted from 1.
    name : str, optional
        What messages call the series: its role where they may end up in results, else the name of the file.

    Returns
    -------
    Series
        Signal float32[t, z, y, x].

    Raises
    ------
    FileError
        If the file cannot be read.
    SeriesError
        If its content is not a usable series.

    Notes
    -----
    Frame times come from the first of: ``interval``; an image header that states the time of each frame; such a list in
    the JSON sidecar (``FrameTimes``, ``VolumeTiming``, ``FrameTimesStart``); the interval in sidecar
    (``RepetitionTime``) or image header that is believed (see ``io.frame_timing``). Where they disagree, ``notes`` say
    so. Otherwise, times are 0, 1, 2, ... and ``sources["times"]`` is ``MISSING``. The echo time comes from the caller,
    the sidecar or the header; the times of slices from the sidecar (``SliceTiming``) or the header.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> series = Series(np.ones((3, 2, 4, 4)), times=[0, 1.5, 3])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_series(series, f"{folder}/scan.nii.gz")
    ...     again = read_series(f"{folder}/scan.nii.gz", echo_time=0.03)
    >>> again.times.tolist(), again.echo_time, again.sources["echo_time"]
    ([0.0, 1.5, 3.0], 0.03, 'given by the user')
    """
    path = check_exists(path)
    name = name or path.name
    stored, sidecar = read_stored(path, name, series=series, echo=echo, stack=stack, has_interval=interval is not None)
    sources = {**stored.sources, "geometry": sidecar.source("geometry", stored.sources["geometry"])}
    timing = _timing(name, stored, sidecar, interval)
    sources["times"] = timing.source
    slice_times, slice_notes = stored.slice_times, ()
    if slice_times is None and stored.array.ndim == 4:
        known = float(np.median(np.diff(timing.times))) if timing.source != MISSING and len(timing.times) > 1 else None
        slice_times, slice_notes = read_slice_times(sidecar, stored.array.shape[1], known)
    echo_notes: tuple[str, ...] = ()
    if echo_time is not None:
        sources["echo_time"] = _SOURCE_USER
    elif (echo_time := sidecar.number("EchoTime")) is not None:
        sources["echo_time"] = sidecar.source("echo_time", "sidecar, EchoTime")
        echo_time, echo_notes = _in_seconds(echo_time)
    else:
        echo_time = stored.echo_time
    provenance, recorded_notes = believed_record(sidecar.provenance)
    provenance = stored.provenance or provenance
    notes = (*recorded_notes, *stored.notes, *sidecar.notes, *timing.notes, *echo_notes, *slice_notes)
    return Series(
        signal=stored.array,
        times=timing.times,
        geometry=stored.geometry,
        echo_time=echo_time,
        sources=sources,
        scalar_type=stored.scalar_type,
        name=name,
        slice_times=slice_times,
        notes=tuple(dict.fromkeys(notes)),
        provenance=_at_times(provenance, _recorded_times(stored, sidecar), timing.times),
    )


def _in_seconds(echo_time: float) -> tuple[float, tuple[str, ...]]:
    """Return the echo time of a sidecar in s, and a note where it was in ms."""
    low, high = ECHO_TIMES_MS
    if not low <= echo_time <= high:
        return echo_time, ()
    words = f"The sidecar states an EchoTime of {echo_time:g} s, which is taken as ms: {echo_time / 1000:g} s."
    return echo_time / 1000, (words,)


def write_series(series: Series, path: str | os.PathLike[str], *, integer: bool = False) -> None:
    """Write a series with a JSON sidecar beside it, both or none.

    Parameters
    ----------
    series : Series
    path : path
        A ``.nii``, ``.nii.gz`` or ``.seq.nrrd`` file.
    integer : bool
        Round and clip the voxels to ``series.scalar_type`` if that is an integer type (of at most 32 bits, the widest
        that Slicer supports). Otherwise, voxels are float32.

    Raises
    ------
    FileError
        If the file cannot be written.

    Notes
    -----
    A NIfTI header can only state evenly spaced times; it states none if they are uneven or unknown. The sidecar
    contains all times.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> series = Series(np.full((2, 1, 2, 2), 7.4), times=[0, 2], scalar_type=np.int16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_series(series, f"{folder}/scan.seq.nrrd", integer=True)
    ...     sorted(path.name for path in Path(folder).iterdir()), read_series(f"{folder}/scan.seq.nrrd").scalar_type
    (['scan.json', 'scan.seq.nrrd'], dtype('int16'))
    """
    path = Path(path).expanduser()
    suffix = suffix_of(path)
    if suffix not in SERIES_SUFFIXES:
        raise FileError(f"Cannot write {path}: a series is written as {', '.join(SERIES_SUFFIXES)}.")
    check_target(path)
    check_sidecar_is_free(path)
    array = _as_integer(series) if integer and series.scalar_type.kind in "iu" else series.signal
    with atomic_files(path.parent) as (folder,):
        image = folder / path.name
        if suffix == ".seq.nrrd":
            times = series.times if series.has_times else None
            write_nrrd(array, series.geometry, image, times=times, attributes=_attributes(series))
        else:
            interval = uniform_interval(series.times) if series.has_times else 0.0
            write_nifti(array, series.geometry, image, interval=interval, start=series.times[0] if interval else 0.0)
        with atomic_file(sidecar_path(image)) as sidecar:
            sidecar.write_bytes(sidecar_bytes(series, image_checksum(image)))


def _recorded_times(stored: StoredImage, sidecar: Sidecar) -> np.ndarray | None:
    """Return the times of the frames, or their numbers, as recorded beside the provenance."""
    return stored.frame_times if stored.frame_times is not None else sidecar.frame_times()[0]


def _at_times(provenance: dict[str, object], recorded: np.ndarray | None, times: np.ndarray) -> dict[str, object]:
    """Return ``provenance`` with its acquired times where the frames recorded at ``recorded`` are at ``times``."""
    acquired = provenance.get("acquired_times_s")
    if acquired is None or (recorded is not None and np.array_equal(recorded, times)):
        return provenance
    if recorded is None or recorded.shape != times.shape:
        return {key: value for key, value in provenance.items() if key != "acquired_times_s"}
    return {**provenance, "acquired_times_s": np.interp(acquired, recorded, times).tolist()}


def _timing(name: str, stored: StoredImage, sidecar: Sidecar, interval: float | None) -> FrameTiming:
    """Return the frame times, their source and sentences about them; see ``read_series``."""
    frames = stored.array.shape[0] if stored.array.ndim == 4 else 1
    if interval is not None:
        times = given_interval(interval) * np.arange(frames)
        try:
            notes = given_notes(interval, _stated_timing(name, stored, sidecar, frames))
        except DSCError:  # what the file states cannot be used, which is why the user gives the interval
            notes = ()
        return FrameTiming(times, _SOURCE_USER, notes)
    found = _stated_timing(name, stored, sidecar, frames)
    if found is None:
        return FrameTiming(np.arange(frames, dtype=np.float64), MISSING)
    notes = found.notes if found.source == MISSING else (*found.notes, *gap_notes(found.times))
    return FrameTiming(found.times, found.source, notes)


def _stated_timing(name: str, stored: StoredImage, sidecar: Sidecar, frames: int) -> FrameTiming | None:
    """Return the times that image and sidecar state. Raises ``DSCError`` where they cannot be used."""
    lists = [] if stored.frame_times is None else [Listed(stored.frame_times, stored.sources["times"])]
    sidecar_times, source = sidecar.frame_times()
    if sidecar_times is not None:
        if sidecar_times.shape != (frames,):
            raise SeriesError(
                f"{sidecar.path} lists {sidecar_times.size} frame times but its image has {frames} frames: "
                "correct or remove it."
            )
        if source == MISSING and not lists:
            return FrameTiming(sidecar_times, MISSING)
        if source != MISSING:
            lists.append(Listed(sidecar_times, source))
    intervals = []
    repetition = sidecar.number("RepetitionTime")
    if repetition is not None:
        intervals.append(Stated(repetition, sidecar.source("times", "sidecar, RepetitionTime")))
    if stored.interval is not None:
        intervals.append(Stated(stored.interval, stored.sources["times"], is_placeholder=stored.interval == 1))
    slices = stored.array.shape[1] if stored.array.ndim == 4 else 1
    found = choose(
        name,
        frames,
        slices,
        lists,
        intervals,
        slice_span=_slice_span(stored, sidecar),
        duration=sidecar.number("AcquisitionDuration"),
    )
    if found is None or lists or stored.interval is None:
        return found
    start = stored.start if found.source == stored.sources["times"] else 0.0
    return replace(found, times=start + found.times)


def _slice_span(stored: StoredImage, sidecar: Sidecar) -> float:
    """Return the time from the first to the last slice of a frame, s; 0 if unknown or not credible."""
    if stored.slice_times is not None:
        return float(np.ptp(stored.slice_times))
    times = read_slice_times(sidecar, stored.array.shape[1] if stored.array.ndim == 4 else 1, None)[0]
    return 0.0 if times is None or times.max() > PLAUSIBLE_INTERVAL[1] else float(np.ptp(times))


def _as_integer(series: Series) -> np.ndarray:
    """Return the signal rounded and clipped to the series' integer type."""
    kind = series.scalar_type if series.scalar_type.itemsize <= 4 else np.dtype(f"{series.scalar_type.kind}4")
    limits = np.iinfo(kind)
    array = np.empty(series.signal.shape, kind)
    for frame, signal in zip(array, series.signal, strict=True):
        # float32 cannot represent the limits of 32-bit integers
        frame[...] = np.clip(np.rint(signal, dtype=np.float64), limits.min, limits.max)
    return array


def _attributes(series: Series) -> dict[str, str]:
    """Return echo time, times of slices, sources and provenance as text for a NRRD header."""
    known = {} if series.echo_time is None else {"EchoTime": repr(float(series.echo_time))}
    if series.slice_times is not None:
        known["SliceTiming"] = " ".join(map(repr, series.slice_times.tolist()))
    known |= {f"Source.{value}": source for value, source in series.sources.items()}
    return known | {f"Provenance.{key}": text for key, text in header_record(provenance_record(series)).items()}
