"""Spatio-temporal super-resolution of DSC perfusion MRI and the perfusion maps that follow.

The names below are all that a script needs; ``docs/python-api.md`` shows an example of each. They are imported when
they are used, so that ``import dsc_superres`` takes no time.

Data flows one way: ``read_series`` gives a ``Series``; ``undersample`` or ``reconstruct`` makes another one of it;
``compute_maps`` turns a series into maps; ``compare`` measures. ``run_job`` does all of it with results on disk.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dsc_superres.version import __version__ as __version__

if TYPE_CHECKING:
    from dsc_superres.comparison import compare
    from dsc_superres.degrade import undersample
    from dsc_superres.geometry import Geometry
    from dsc_superres.io import read_series, write_series
    from dsc_superres.jobs.result_files import write_maps
    from dsc_superres.jobs.run import run_job
    from dsc_superres.perfusion import MapOptions, compute_maps
    from dsc_superres.reconstruction.reconstruct import reconstruct
    from dsc_superres.series import Series

_MODULES = {
    "Geometry": "geometry",
    "MapOptions": "perfusion",
    "Series": "series",
    "compare": "comparison",
    "compute_maps": "perfusion",
    "read_series": "io",
    "reconstruct": "reconstruction.reconstruct",
    "run_job": "jobs.run",
    "undersample": "degrade",
    "write_maps": "jobs.result_files",
    "write_series": "io",
}

__all__ = [
    "Geometry",
    "MapOptions",
    "Series",
    "compare",
    "compute_maps",
    "read_series",
    "reconstruct",
    "run_job",
    "undersample",
    "write_maps",
    "write_series",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
