"""Which weights a result was made with."""

from __future__ import annotations

from dsc_superres.models import find


def model_provenance(model: str) -> dict[str, str | None]:
    """The name of a model and the checksum of its weights (None for an interpolator)."""
    entry = find(model)
    return {"name": entry.label, "weights_sha256": entry.weights_sha256}
