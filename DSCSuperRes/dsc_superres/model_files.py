"""What the files of a model say of it: the header of its weights, and its card. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsc_superres.errors import ModelError, os_error_text
from dsc_superres.utils.small_files import parse_json, read_json

LONGEST_HEADER = 16_000_000
"""Bytes of the header of a .safetensors file."""


@dataclass(frozen=True)
class WeightsHeader:
    """What a file of weights says of itself: the network, its options, and the shape of each of its tensors."""

    network: str
    options: dict[str, object]
    shapes: dict[str, tuple[int, ...]]


def read_weights_header(path: Path) -> WeightsHeader:
    """What a .safetensors file says that it holds, without its weights. Raises ``ModelError``."""
    if not path.is_file():
        raise ModelError(f"The weights {path.name} are not there: train a model or choose another one.")
    what = f"The header of the weights {path.name}"
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            if not 2 <= length <= min(size - 8, LONGEST_HEADER):
                raise ValueError("the length of the header")
            header = parse_json(file.read(length).decode(), what, ModelError)
        metadata = header.pop("__metadata__")
        options = parse_json(metadata["options"], what, ModelError)
        shapes = {name: tuple(map(int, tensor["shape"])) for name, tensor in header.items()}
        ends = [tensor["data_offsets"][1] for tensor in header.values()]
        if any(tensor["dtype"] != "F32" for tensor in header.values()) or max(ends, default=0) != size - 8 - length:
            raise ValueError("the size of the tensors")
        if not isinstance(metadata["network"], str) or not isinstance(options, dict):
            raise TypeError("the names of network and options")
    except OSError as error:
        raise ModelError(f"The weights {path.name} cannot be read: {os_error_text(error)}.") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise ModelError(
            f"{path.name} is not a file of weights that this version can use ({type(error).__name__})."
        ) from error
    return WeightsHeader(metadata["network"], options, shapes)


def read_card(path: Path) -> dict[str, object]:
    """Return the card in a file. Raises ``ModelError`` unless it has a checksum, and texts where texts belong."""
    what = f"The model card {path.name}"
    card = read_json(path, what, ModelError)
    if not isinstance(card, dict):
        raise ModelError(f"{what} is damaged: it is not a JSON object; install the weights again.")
    texts = ("sha256", *(name for name in ("name", "summary", "method", "intended_use", "data") if name in card))
    for name in texts:
        if not isinstance(card.get(name), str):
            raise ModelError(f'{what} is damaged: "{name}" is not a text; install the weights again.')
    limits = card.get("limits", [])
    if not isinstance(limits, list) or not all(isinstance(limit, str) for limit in limits):
        raise ModelError(f'{what} is damaged: "limits" is not a list of texts; install the weights again.')
    return card
