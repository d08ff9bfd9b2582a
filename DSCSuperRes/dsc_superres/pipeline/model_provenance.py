"""Which weights a result was made with."""

from __future__ import annotations

import hashlib
from pathlib import Path


def model_provenance(model: str) -> dict[str, str | None]:
    """The name of a model and the checksum of its weights (None for an interpolator)."""
    from dsc_superres.networks.registry import WEIGHTS

    path = Path(model) if Path(model).is_file() else WEIGHTS / f"{model}.safetensors"
    checksum = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return {"name": path.stem, "weights_sha256": checksum}
