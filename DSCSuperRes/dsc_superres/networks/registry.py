"""The registry of networks, and the safe file format of their weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from torch import nn

from dsc_superres.errors import ModelError
from dsc_superres.models import INTERPOLATORS
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.utils.atomic_writing import atomic_file

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
"""Where shipped weights lie: NAME.safetensors, and NAME.json with its card and checksum."""


def _later(module: str, name: str) -> Callable[..., nn.Module]:
    """A network whose module is imported when it is built: the names alone are wanted sooner."""
    return lambda **options: getattr(import_module(f"dsc_superres.{module}"), name)(**options)


def _ode_liif(*, without: str | None = None, **options: object) -> nn.Module:
    """ODE-LIIF; for ablations ``without`` one of its parts."""
    if without is None:
        return _later("networks.ode_liif", "OdeLiif")(**options)
    return _later("benchmark.networks.ablated", "AblatedOdeLiif")(without=without, **options)


_BUILDERS: dict[str, Callable[..., nn.Module]] = {
    "ode-liif": _ode_liif,
    "ode-liif-plus": _later("networks.ode_liif_plus", "OdeLiifPlus"),
    "liif-linear": _later("benchmark.networks.liif_linear", "LiifLinear"),
    "static-detail": _later("networks.static_detail", "StaticDetail"),
    "videoinr": _later("benchmark.networks.videoinr", "VideoInr"),
    "linear": lambda: Interpolator(in_space="linear", in_time="linear"),
    "cubic": lambda: Interpolator(in_space="cubic", in_time="cubic"),
    "pchip": lambda: Interpolator(in_space="cubic", in_time="pchip"),
    "backprojection": lambda: Interpolator(in_space="backprojection", in_time="pchip"),
}
NAMES = tuple(_BUILDERS)


def create(name: str, **options: object) -> nn.Module:
    """A new, untrained network (or an interpolator, which needs no training). Raises ``ModelError``."""
    if name not in _BUILDERS:
        raise ModelError(f"There is no model named '{name}': choose one of {', '.join(NAMES)} or a .safetensors file.")
    try:
        return _BUILDERS[name](**options)
    except (TypeError, ValueError, KeyError) as error:
        raise ModelError(f"The model '{name}' does not take these options: {error}.") from error


def save_model(model: nn.Module, path: str | Path, *, name: str, options: dict) -> str:
    """Write weights with the name and options that rebuild their network; returns the file's SHA-256."""
    from safetensors.torch import save

    metadata = {"network": name, "options": json.dumps(options)}
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    content = save(state, metadata)
    with atomic_file(path) as partial:
        partial.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def describe_model(source: str | Path) -> tuple[str, dict]:
    """The name and options of the network that weights (a registered name or a file) belong to."""
    header = _header(weights_of(source).read_bytes())
    return header["network"], json.loads(header["options"])


def _header(content: bytes) -> dict[str, str]:
    """What a .safetensors file says of itself."""
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def weights_of(source: str | Path) -> Path:
    """Where the weights of a registered name, or those in a file, are or would be."""
    return WEIGHTS / f"{source}.safetensors" if str(source) in NAMES else Path(source)


def load_model(source: str | Path) -> nn.Module:
    """A model ready to reconstruct: a registered name (with the weights that ship) or a .safetensors file.

    Shipped weights must match the checksum on their card. Raises ``ModelError`` with one sentence.
    """
    if str(source) in INTERPOLATORS:
        return create(str(source)).eval()
    path = weights_of(source)
    if path.suffix != ".safetensors":
        raise ModelError(f"There is no model '{source}': choose one of {', '.join(NAMES)} or a .safetensors file.")
    if not path.is_file():
        raise ModelError(f"The weights {path.name} are not there: train a model or choose another one.")
    content = path.read_bytes()
    card = path.with_suffix(".json")
    if card.is_file() and json.loads(card.read_text())["sha256"] != hashlib.sha256(content).hexdigest():
        raise ModelError(f"The weights {path.name} differ from the checksum on their card: install them again.")
    return _build(content, path.name)


def _build(content: bytes, name: str) -> nn.Module:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
        header = _header(content)
        model = create(header["network"], **json.loads(header["options"]))
        model.load_state_dict(tensors)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(f"{name} is not a file of weights that this version can use ({type(error).__name__}).") from (
            error
        )
    return model.eval()
