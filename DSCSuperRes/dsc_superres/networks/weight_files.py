"""Models built from the catalog, and the safe file format of their weights."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

import torch

from dsc_superres.errors import ModelError
from dsc_superres.model_files import WeightsHeader, read_weights_header
from dsc_superres.models import ModelEntry, find
from dsc_superres.networks.model import Model
from dsc_superres.networks.option_limits import check_options
from dsc_superres.utils.atomic_writing import atomic_file
from dsc_superres.utils.small_files import brief


def create(name: str, **options: object) -> Model:
    """A new model of a registered name: an untrained network, or an interpolator. Raises ``ModelError``."""
    entry = find(name)
    module, _, class_name = entry.builder.partition(":")
    build = getattr(import_module(module), class_name)
    try:
        check_options(options)
        return build(**{**entry.options, **options})
    except (TypeError, ValueError, KeyError) as error:
        raise ModelError(f"The model '{name}' does not take these options: {brief(str(error))}.") from error


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
    header = read_weights_header(entry.weights)
    _check_tensors(header, entry.weights)
    content = entry.weights.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    card = entry.card
    if card and card["sha256"] != checksum:
        raise ModelError(
            f"The weights {entry.weights.name} differ from the checksum on their card: install them again."
        )
    return _named(_build(content, header, entry), entry.label, checksum)


def _named(model: Model, name: str, checksum: str | None) -> Model:
    model.provenance = {"name": name, "weights_sha256": checksum}
    return model


def _check_tensors(header: WeightsHeader, path: Path) -> None:
    """Raise ``ModelError`` unless a file holds the tensors of its network, before memory is taken for either.

    The network is built without memory for its weights (on torch's "meta" device).
    """
    try:
        with torch.device("meta"):
            wanted = create(header.network, **header.options).state_dict()
    except ModelError as error:
        raise ModelError(f"The weights {path.name} cannot be used: {error}") from error
    if {name: tuple(tensor.shape) for name, tensor in wanted.items()} != header.shapes:
        raise ModelError(
            f"The weights {path.name} are not those of the network that the file names, {header.network} with its "
            "options: train the model again, or install it again."
        )


def _build(content: bytes, header: WeightsHeader, entry: ModelEntry) -> Model:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
        model = create(entry.name, **header.options)
        model.load_state_dict(tensors)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{entry.weights.name} is not a file of weights that this version can use ({type(error).__name__})."
        ) from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise ModelError(
            f"The weights {entry.weights.name} hold values that are not finite numbers: train the model again."
        )
    return model.eval()
