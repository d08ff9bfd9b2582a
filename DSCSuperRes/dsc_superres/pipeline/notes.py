"""Sentences for the reader of a result."""

from __future__ import annotations

from dsc_superres.models import find
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME
from dsc_superres.pipeline.case_options import ReconstructionOptions
from dsc_superres.pipeline.series_warnings import series_warnings
from dsc_superres.reconstruction.training_range import outside_training_range
from dsc_superres.series import Series


def case_notes(series: Series, coarse: Series, options: ReconstructionOptions, mapped: bool) -> tuple[str, ...]:
    """Sentences for the reader: what is unlike the training data, what is missing, and what was assumed."""
    notes = series_notes(series) + outside_training_range(coarse, find(options.model).training_range, options.space)
    if series.echo_time is None and mapped:
        notes += (echo_time_note(),)
    return notes


def series_notes(series: Series) -> tuple[str, ...]:
    """Whether the series was acquired, what its reader found, what is implausible, and whether it lacks frame times."""
    if series.has_times:
        return found_notes(series)
    missing = "The frame times of the series are not known, so its frames are numbered: give its TR (--tr SECONDS)."
    return (*found_notes(series), missing)


def found_notes(series: Series) -> tuple[str, ...]:
    """Whether the series was acquired, what its reader found, and what is implausible."""
    return tuple(dict.fromkeys((*_origin_notes(series), *series.notes, *series_warnings(series))))


def _origin_notes(series: Series) -> tuple[str, ...]:
    role, made = series.provenance.get("role"), series.reconstructed
    if role in ("uncertainty", "difference"):
        return (f"This series is the {role} of a reconstruction, not images: choose the reconstruction.",)
    if made is None:
        return ()
    model, frames = made.get("model", {}).get("name"), made.get("acquired_times_s", ())
    return (
        f"This series is itself a reconstruction ({model or 'unknown model'}, of {len(frames)} acquired frames): what "
        "is between them was computed, not measured.",
    )


def echo_time_note() -> str:
    """What maps of a series without an echo time assume."""
    return (
        f"The echo time of the series is not known, so the maps assume {1000 * ASSUMED_ECHO_TIME:g} ms; "
        "they do not depend on it, because tissue and artery share it."
    )
