"""The models that a benchmark compares: their names in tables, and their cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dsc_superres.errors import ModelError
from dsc_superres.models import entries, find
from dsc_superres.networks import Model
from dsc_superres.series import Series

CLASSIC = tuple(entry.name for entry in entries() if entry.is_interpolator)
"""The interpolators."""


def shipped(*names: str) -> list[str]:
    """Return those of ``names`` that can be used without training: interpolators, and networks whose weights ship."""
    return [name for name in names if find(name).available]


def shipped_networks() -> list[str]:
    """The networks of the product whose weights ship."""
    return shipped(*(entry.name for entry in entries() if not entry.is_interpolator))


def labels(models: Sequence[str]) -> dict[str, str]:
    """Return the name of each model in tables: its name, the stem of a file, or the folder of a file if stems coincide.

    Options after an @ (see ``variant``) are kept.
    """
    stems = {model: model if "@" in model else Path(model).stem for model in models}
    shared = {stem for stem in stems.values() if list(stems.values()).count(stem) > 1}
    found = {
        model: Path(model).absolute().parent.name if stem in shared and model != stem else stem
        for model, stem in stems.items()
    }
    return found if len(set(found.values())) == len(found) else {model: model for model in models}


def variant(model: str) -> Model:
    """A model by name or file; "NAME@step=0.5,method=euler" solves its ODE so, "NAME@views=1" uses one view only.

    Raises ``ModelError``.
    """
    from dsc_superres.networks import load_model

    source, _, changes = model.partition("@")
    network = load_model(source)
    for change in filter(None, changes.split(",")):
        key, _, value = change.partition("=")
        try:
            if key == "step":
                network.solving["step"] = float(value)
            elif key == "method":
                network.solving["method"] = value
            elif key == "views":
                network.detail.views = int(value)
            else:
                raise ValueError
        except (AttributeError, ValueError):
            raise ModelError(f"'{change}' cannot be changed in {source}: give step, method or views.") from None
    return network


def timed(work: Callable[[], tuple[Series, ...]], network) -> tuple[tuple[Series, ...], dict[str, float]]:
    """Return the result of ``work`` and its cost: parameters of ``network``, CPU seconds per output frame of one slice.

    CPU time is measured because other processes may use the same cores.
    """
    begin = time.process_time()
    found = work()
    frames, slices = found[0].signal.shape[:2]
    spent = (time.process_time() - begin) / (frames * slices)
    width, height, _ = found[0].size
    parameters = sum(values.numel() for values in network.parameters())
    return found, {"parameters": parameters, "seconds": spent, "width": width, "height": height}
