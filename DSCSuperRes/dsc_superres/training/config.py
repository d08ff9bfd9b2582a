"""The options of a training run, read from a configuration file, and the learning rate that follows from them."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from dsc_superres.errors import ModelError
from dsc_superres.utils.small_files import read_text

GREATEST = 1e9
"""Greatest number that an option may be."""
_KINDS = {"str": str, "str | None": str, "bool": bool, "list": list, "dict": dict}
_KIND_WORDS = {"str": "a text", "str | None": "a text", "bool": "true or false", "list": "a list", "dict": "a table"}


@dataclass(frozen=True)
class TrainOptions:
    """One configuration file. ``network`` and ``data`` hold the options of those parts.

    steps, rate, warm_up, cool_down: length, peak learning rate, its rise (steps) and final fall (share of steps)
    coarse, coarse_from: weight of the loss on 4 x 4 means, and the step from which it counts
    linear_from: errors of the signal above this count in proportion, those below by their square
    average: decay of the running mean of the weights, which is what is saved and validated
    start_from: weights to begin with, a file or the name of a model whose weights ship
    parts: weights of parts of the network, by the part's name, that take the place of those
    frozen: parts of the network that are not trained
    bfloat16: compute the network in bfloat16 where that is safe; weights, interpolator and loss stay float32
    """

    name: str
    out: str
    seed: int = 0
    steps: int = 5000
    rate: float = 1e-3
    warm_up: int = 200
    cool_down: float = 0.3
    coarse: float = 2.0
    coarse_from: int = 0
    linear_from: float = 0.02
    average: float = 0.998
    bfloat16: bool = False
    threads: int = 0
    workers: int = 1
    validate_every: int = 250
    checkpoint_minutes: float = 4.0
    start_from: str | None = None
    parts: dict[str, str] = field(default_factory=dict)
    frozen: list[str] = field(default_factory=list)
    network: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)


def read_config(path: str | Path) -> TrainOptions:
    """The options in a TOML file. Raises ``FileError`` or ``ModelError`` with one sentence.

    A file that says ``extends = "other.toml"`` holds only what differs from the one beside it; of several that it
    names, in a list, the later ones count.
    """
    try:
        options = TrainOptions(**_values(Path(path)))
        _check_types(options)
        return options
    except RecursionError:
        raise ModelError(f"The configuration {path} extends itself: name another file there.") from None
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ModelError(f"The configuration {path} is not valid: {' '.join(str(error).split())[:200]}.") from error


def _values(path: Path) -> dict:
    values = tomllib.loads(read_text(path, f"The configuration {path.name[:80]}"))
    others = values.pop("extends", [])
    if not isinstance(others, str | list) or not all(isinstance(other, str) for other in others):
        raise TypeError("extends is not the name of a file, or a list of names")
    found: dict = {}
    for other in [others] if isinstance(others, str) else others:
        found = _merged(found, _values(path.parent / other))
    return _merged(found, values)


def _check_types(options: TrainOptions) -> None:
    """Raise ``TypeError`` for the first option that is of another type than its default, or no usable number."""
    for one in fields(options):
        value, kind = getattr(options, one.name), one.type.partition("[")[0]
        if value is None and "None" in one.type:
            continue
        if kind in ("int", "float"):
            numbers = int if kind == "int" else int | float
            if isinstance(value, bool) or not isinstance(value, numbers) or not 0 <= value <= GREATEST:
                raise TypeError(f"{one.name} must be {'a whole' if kind == 'int' else 'a'} number from 0")
        elif not isinstance(value, _KINDS[kind]):
            raise TypeError(f"{one.name} must be {_KIND_WORDS[kind]}")
    texts = [*options.frozen, *options.parts.values()]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("frozen and parts must hold texts")


def _merged(first: dict, second: dict) -> dict:
    """Both, where values of the ``second`` replace those of the first; tables, like [data], are merged."""
    tables = {key: {**first[key], **value} for key, value in second.items() if isinstance(first.get(key), dict)}
    return {**first, **second, **tables}


def learning_rate(step: int, options: TrainOptions) -> float:
    """Linear rise, a plateau, and a cosine fall to 1 % at the end."""
    if step < options.warm_up:
        return options.rate * (step + 1) / options.warm_up
    fall = options.steps * (1 - options.cool_down)
    share = max(0.0, (step - fall) / max(1.0, options.steps - fall))
    return options.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))
