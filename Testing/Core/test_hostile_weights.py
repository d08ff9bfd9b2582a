"""Files of weights and cards that cannot be used are refused before memory is taken for them."""

import json
import struct
from pathlib import Path

import pytest

from dsc_superres.errors import ModelError
from dsc_superres.models import find
from dsc_superres.networks.weight_files import create, load_model, save_model

SMALL = {"channels": 4, "blocks": 1, "frame_blocks": 1, "direction": 4, "field": 4, "decoder": 4}


@pytest.fixture
def weights(tmp_path) -> Path:
    path = tmp_path / "w.safetensors"
    save_model(create("ode-liif", **SMALL), path, name="ode-liif", options=SMALL)
    return path


def with_header(path: Path, change) -> None:
    """Replace the header of a file of weights by what ``change`` makes of it."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    new = change(header)
    new = new if isinstance(new, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(new)) + new + raw[8 + length :])


def refuses(path: Path, *words: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("channels", 3000),
        ("channels", 10**30),
        ("channels", 0),
        ("channels", 4.0),
        ("channels", None),
        ("channels", [4]),
        ("blocks", 20_000),
        ("frame_blocks", 10**9),
        ("step", 1e-9),
        ("step", 0),
        ("step", "0.25"),
        ("atol", 1e-30),
        ("solver", "scipy_solver"),
        ("solver", 3),
        ("unheard_of", 3),
    ],
)
def test_options_out_of_their_limits(weights, name, value):
    with_header(weights, lambda header: header["__metadata__"].update(options=json.dumps({**SMALL, name: value})))
    refuses(weights, "w.safetensors", name)


def test_a_wide_network_takes_no_memory_before_it_is_refused(weights):
    with_header(weights, lambda header: header["__metadata__"].update(options=json.dumps({**SMALL, "channels": 1024})))
    resource = pytest.importorskip("resource")  # not on Windows
    load_again = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refuses(weights, "w.safetensors", "not those of the network")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - load_again < 100_000  # KiB; its weights take 265 MB


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("__metadata__") and None,
        lambda header: header["__metadata__"].update(network=["ode-liif"]),
        lambda header: header["__metadata__"].update(options="[" * 100_000),
        lambda header: header["__metadata__"].update(options="[1]"),
        lambda header: b"[" * 100_000,
        lambda header: b"[]",
        lambda header: b"\xff\xfe",
        lambda header: header.update({"fusion.clock.bias": 5}),
        lambda header: header["fusion.clock.bias"].update(shape=[10**400]),
        lambda header: header["fusion.clock.bias"].update(shape=[2, 2]),
        lambda header: header["fusion.clock.bias"].update(dtype="F64"),
        lambda header: header["fusion.clock.bias"].update(data_offsets=[0, 10**15]),
    ],
)
def test_damaged_headers(weights, change):
    with_header(weights, change)
    refuses(weights, "w.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_blamed(weights, value):
    weights.write_bytes(weights.read_bytes()[:-4] + struct.pack("<f", value))
    refuses(weights, "w.safetensors", "not finite")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "nests"),
        ("[]", "JSON object"),
        ("{}", "sha256"),
        ('{"sha256": 5}', "sha256"),
        ('{"sha256": "x", "limits": 5}', "limits"),
        ('{"sha256": "x", "summary": []}', "summary"),
    ],
)
def test_damaged_cards(weights, text, words):
    weights.with_suffix(".json").write_text(text)
    refuses(weights, "w.json", words)
    with pytest.raises(ModelError, match=words):
        find(weights).card  # noqa: B018
