"""What a reconstruction says of itself: that it is one, by which model, and which of its frames were acquired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsc_superres.series import MISSING, Series

if TYPE_CHECKING:
    from dsc_superres.networks import Model


def reconstruction_words(series: Series, model: Model, settings: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return "sources" and "provenance" of what ``model`` reconstructs of ``series`` with ``settings``.

    Where ``series`` is a reconstruction itself, the acquired frames are those that it was made of.
    """
    acquired = series.times if series.acquired_times is None else series.acquired_times
    sources = dict(series.sources)
    for value, text in (
        ("times", f"reconstructed from {len(acquired)} acquired frames"),
        ("geometry", f"{sources['geometry']}, reconstructed with pixels {settings['space']:g} times finer"),
    ):
        if sources[value] != MISSING and (value == "times" or settings["space"] != 1):
            sources[value] = text
    provenance = series.derived(
        "reconstruction",
        model=dict(model.provenance or {"name": type(model).__name__, "weights_sha256": None}),
        settings=dict(settings),
        acquired_times_s=acquired.tolist(),
        acquired_times_source=series.sources["times"],
    )
    return {"sources": sources, "provenance": provenance}
