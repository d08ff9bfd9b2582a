"""How results came about. Holds no file name and no header field: they may name a patient."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsc_superres.comparison import Comparison
from dsc_superres.jobs.types import Job
from dsc_superres.perfusion import PerfusionMaps
from dsc_superres.perfusion.map_units import UNITS
from dsc_superres.pipeline.case import TRUTH, Case, label
from dsc_superres.pipeline.case_options import PerfusionOptions, options_of
from dsc_superres.pipeline.model_provenance import model_provenance
from dsc_superres.series import Series
from dsc_superres.utils.versions import versions

DISCLAIMER = "For research only. Not a medical device: not for diagnosis or treatment."
NOT_SETTINGS = ("input", "inputs", "output", "times", "slice_times", "geometry", "format", "report", "update_report")
"""Options that say what was read and written, not how it was computed."""


def case_provenance(case: Case, job: Job) -> dict[str, object]:
    """What a case was computed from, with which settings, model and software."""
    source = case.truth or case.input
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "settings": job_settings(job),
        "model": model_provenance(job.model),
        "source": {
            "size_xyz": source.size,
            "frames": source.frames,
            "spacing_mm": source.geometry.spacing,
            "interval_s": source.interval,
            "slice_times_s": None if source.slice_times is None else source.slice_times.tolist(),
            "echo_time_s": source.echo_time,
            "sources": dict(source.sources),
            "provenance": dict(source.provenance) or None,
        },
        "frames": None if case.prepared is None else case.prepared.record,
        "acquired_times_s": case.reconstruction.provenance.get("acquired_times_s"),
        "maps": {
            model: maps_provenance(maps, case.notes)
            for model, maps in case.maps.items()
            if model in (TRUTH, case.model)
        },
        "maps_error": case.maps_error,
        "notes": list(case.notes),
        "warnings": list(dict.fromkeys(sentence for maps in case.maps.values() for sentence in maps.warnings)),
        "seconds": dict(case.seconds),
        "notice": DISCLAIMER,
    }


def comparison_record(result: Comparison, recon: Series, truth: Series, notes: Sequence[str]) -> dict[str, object]:
    """The numbers of a comparison, and what was compared."""
    numbers = result.to_dict()
    return {
        **numbers,
        "notes": [*numbers["notes"], *notes],
        "reconstruction": dict(recon.provenance) or None,
        "truth": dict(truth.provenance) or None,
        "versions": versions(),
        "notice": DISCLAIMER,
    }


def job_settings(job: Job) -> dict[str, object]:
    """The options of a job that decide its results; a file counts as "file", a model by its label."""
    settings: dict[str, object] = {"task": job.task}
    for name in options_of(type(job)):
        if name not in NOT_SETTINGS and (job.wants_maps or name not in options_of(PerfusionOptions)):
            settings[name] = _setting(name, getattr(job, name))
    return settings


def _setting(name: str, value: Any) -> object:
    if name == "model":
        return label(value)
    if name == "baselines":
        return [label(model) for model in value]
    if name in ("mask", "reference") and value not in ("auto", "none"):
        return "file"
    return "file" if isinstance(value, Path) else value


def maps_provenance(maps: PerfusionMaps, notes: Sequence[str] = ()) -> dict[str, object]:
    """What maps were computed from and with; ``notes`` are those about the series."""
    return {
        "units": UNITS,
        "warnings": list(maps.warnings),
        **dict(maps.provenance),
        "notes": list(notes),
        "versions": versions(),
        "notice": DISCLAIMER,
    }
