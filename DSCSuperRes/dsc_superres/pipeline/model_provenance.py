"""Which weights a result was made with."""

from __future__ import annotations

import hashlib

from dsc_superres.models import find


def model_provenance(model: str) -> dict[str, str | None]:
    """The name of a model and the checksum of its weights (None for an interpolator)."""
    weights = find(model).weights
    checksum = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else None
    return {"name": weights.stem if weights else model, "weights_sha256": checksum}
