"""Damaged files of weights and damaged cards."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

from harness import attack_of, refused_or_done, unchanged
from mutations import damaged, json_text, odd_value, with_odd_values

OPTIONS = {"channels": 4, "blocks": 1, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 4}


@cache
def small_weights() -> bytes:
    """Weights of a small network."""
    import tempfile

    import torch

    from dsc_superres.networks.weight_files import create, save_model

    torch.manual_seed(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        save_model(create("ode-liif", **OPTIONS), f"{folder}/w.safetensors", name="ode-liif", options=OPTIONS)
        return Path(folder, "w.safetensors").read_bytes()


def loaded() -> None:
    """Load weights once: the first network without memory for its weights takes torch seconds of imports."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "w.safetensors").write_bytes(small_weights())
        _load(Path(folder, "w.safetensors"))


def parts(raw: bytes) -> tuple[dict, bytes]:
    """The header of a file of weights, decoded, and its tensors."""
    length = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def assembled(header: bytes, tensors: bytes) -> bytes:
    """A file of weights."""
    return len(header).to_bytes(8, "little") + header + tensors


def _load(path: Path) -> str:
    from dsc_superres.networks.weight_files import load_model

    return unchanged(path.parent, lambda: refused_or_done(lambda: load_model(path)))


def weights_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    raw = small_weights()
    header, tensors = parts(raw)
    kind = random.random()
    if kind < 0.3:
        raw = damaged(random, raw, len(raw) - len(tensors))
    elif kind < 0.5:
        options = with_odd_values(random, {**OPTIONS, "step": 0.25, "solver": "midpoint", "rtol": 1e-3})
        header["__metadata__"]["options"] = json_text(random, options).decode("latin-1")
        raw = assembled(json.dumps(header).encode(), tensors)
    elif kind < 0.7:
        name = random.choice(("channels", "blocks", "frame_blocks", "decoder", "step", "atol", "solver"))
        value = random.choice((3000, 10**9, 10**30, 20_000, 0, -1, 1e-9, 1e9, "x", None, True, 5, odd_value(random)))
        header["__metadata__"]["options"] = json.dumps({**OPTIONS, name: value})
        raw = assembled(json.dumps(header).encode(), tensors)
    elif kind < 0.95:
        raw = assembled(json_text(random, with_odd_values(random, header)), tensors)
    else:
        raw = assembled(json.dumps(header).encode(), tensors[:-4] + random.choice((b"\0\0\xc0\x7f", b"\0\0\x80\xff")))
    (folder / "w.safetensors").write_bytes(raw)
    return _load(folder / "w.safetensors")


def card_case(seed: int, folder: Path) -> str:
    import hashlib

    from dsc_superres.models import find

    random = Random(seed)
    (folder / "w.safetensors").write_bytes(small_weights())
    card = {
        "name": "w",
        "sha256": hashlib.sha256(small_weights()).hexdigest(),
        "summary": "A network.",
        "limits": ["one", "two"],
        "training": {"steps": 5},
    }
    (folder / "w.json").write_bytes(json_text(random, with_odd_values(random, card)))
    found = refused_or_done(lambda: find(folder / "w.safetensors").card)
    return found or _load(folder / "w.safetensors")


ATTACKS = [
    (attack_of("damaged weights", weights_case, loaded), 0.1),
    (attack_of("damaged model cards", card_case, loaded), 0.03),
]
