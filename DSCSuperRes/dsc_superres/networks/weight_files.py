"""Models built from the catalog, and the safe file format of their weights."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

from dsc_superres.errors import ModelError
from dsc_superres.models import find, read_weights_header
from dsc_superres.networks.model import Model
from dsc_superres.utils.atomic_writing import atomic_file


def create(name: str, **options: object) -> Model:
    """A new model of a registered name: an untrained network, or an interpolator. Raises ``ModelError``."""
    entry = find(name)
    module, _, class_name = entry.builder.partition(":")
    build = getattr(import_module(module), class_name)
    try:
        return build(**{**entry.options, **options})
    except (TypeError, ValueError, KeyError) as error:
        raise ModelError(f"The model '{name}' does not take these options: {error}.") from error


def save_model(model: Model, path: str | Path, *, name: str, options: dict) -> str:
    """Write weights with the name and options that rebuild their network; returns the file's SHA-256."""
    from safetensors.torch import save

    metadata = {"network": name, "options": json.dumps(options)}
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    content = save(state, metadata)
    with atomic_file(path) as partial:
        partial.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_model(source: str | Path) -> Model:
    """A model ready to reconstruct: a registered name (with the weights that ship) or a .safetensors file.

    Weights must match the checksum on their card, if they have one. Raises ``ModelError``.
    """
    entry = find(source)
    if entry.is_interpolator:
        return _named(create(entry.name).eval(), entry.name, None)
    if not entry.available:
        raise ModelError(f"The weights of {entry.name} are missing: train a model or choose another one.")
    content = entry.weights.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    if entry.card and entry.card["sha256"] != checksum:
        raise ModelError(
            f"The weights {entry.weights.name} differ from the checksum on their card: install them again."
        )
    return _named(_build(content, entry.weights), entry.label, checksum)


def _named(model: Model, name: str, checksum: str | None) -> Model:
    model.provenance = {"name": name, "weights_sha256": checksum}
    return model


def _build(content: bytes, path: Path) -> Model:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
        header = read_weights_header(path)
        model = create(header["network"], **json.loads(header["options"]))
        model.load_state_dict(tensors)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path.name} is not a file of weights that this version can use ({type(error).__name__})."
        ) from error
    return model.eval()
