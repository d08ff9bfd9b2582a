"""A model is one entry of the catalog: registering it makes it known everywhere, and no other file names it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import dsc_superres
from dsc_superres import models
from dsc_superres.benchmark.research_models import ABLATED
from dsc_superres.cli.parser import build_parser
from dsc_superres.errors import ModelError
from dsc_superres.models import DEFAULT_MODEL, ModelCost, ModelEntry, TrainingRange, entries, find, names, register
from dsc_superres.networks import Model, create, load_model, save_model
from dsc_superres.networks.interpolation import Interpolator
from dsc_superres.pipeline.estimate import NETWORK_START_SECONDS, RATE_SHARE, SIGNAL_SHARE, reconstruction_seconds
from dsc_superres.pipeline.model_provenance import model_provenance
from dsc_superres.reconstruction.reconstruct import reconstruct, reconstruct_with_uncertainty
from dsc_superres.reconstruction.training_range import outside_training_range
from dsc_superres.report.page import model_card
from dsc_superres.report.style import model_color, model_name
from dsc_superres.series import Series
from dsc_superres.worker import probe

PACKAGE = Path(dsc_superres.__file__).parent


class Brighter(Model):
    """Linear interpolation plus a constant, of which it is not certain."""

    estimates_uncertainty = True

    def __init__(self, *, offset: float = 0.0) -> None:
        super().__init__()
        self.base = Interpolator(in_space="linear", in_time="linear")
        self.offset = torch.nn.Parameter(torch.tensor(offset))
        self.register_buffer("calibration", torch.ones(()))

    def forward(self, window, t, size, cache=None, *, fast=False):
        return self.with_uncertainty(window, t, size, cache, fast=fast)[0]

    def with_uncertainty(self, window, t, size, cache=None, *, fast=False):
        image = self.base(window, t, size, cache) + self.offset
        return image, torch.full_like(image, 0.25) * self.calibration


@pytest.fixture
def brighter(tmp_path, monkeypatch) -> ModelEntry:
    """The entry of a new model, registered for one test, whose weights add half of the range of intensities."""
    monkeypatch.setattr(models, "_entries", dict(models._entries))
    entry = ModelEntry(
        name="brighter",
        title="Brighter than ever",
        description="Linear interpolation and a constant.",
        builder=f"{__name__}:Brighter",
        weights=tmp_path / "brighter.safetensors",
        estimates_uncertainty=True,
        cost=ModelCost(series=1e9, frame=0, pair=0, output=0, fine_pixel=0),
        training_range=TrainingRange(frames=50, interval=(1, 9), pixel=(0.1, 9), space=(1, 4), snr=0),
        color="#123456",
    )
    register(entry)
    assert not entry.available
    checksum = save_model(create("brighter", offset=0.5), entry.weights, name="brighter", options={})
    entry.weights.with_suffix(".json").write_text(f'{{"sha256": "{checksum}", "summary": "It shines."}}')
    return entry


def series() -> Series:
    return Series(100 + 50 * np.random.default_rng(2).random((5, 2, 13, 17)), np.arange(5) * 2.0)


def test_a_registered_model_reconstructs(brighter) -> None:
    coarse = series()
    low, high = np.percentile(coarse.signal.mean(axis=0), (1, 99))
    fine, uncertainty = reconstruct_with_uncertainty(coarse, model="brighter")
    plain = reconstruct(coarse, model="linear").signal
    np.testing.assert_allclose(fine.signal, plain + 0.5 * (high - low), rtol=1e-5)
    np.testing.assert_allclose(uncertainty.signal, 0.25 * (high - low), rtol=1e-5)


def test_a_registered_model_is_known_at_every_door(brighter, capsys) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["reconstruct", "--help"])
    assert re.search(r"brighter +Linear interpolation and a constant\.", capsys.readouterr().out)
    assert {"name": "brighter", "network": True, "available": True} in probe.models()
    work = (10, 10, 10), 5, 2.0, 4.0
    expected = NETWORK_START_SECONDS + 1e9 * 1000 * SIGNAL_SHARE / (1e9 * 100 * RATE_SHARE)
    seconds = reconstruction_seconds(*work, "brighter", {"gflops": 100})
    assert seconds - reconstruction_seconds(*work, "linear", None) == pytest.approx(expected)
    assert (model_name("brighter"), model_color("brighter")) == ("Brighter than ever", "#123456")
    assert model_card("brighter")["summary"] == "It shines."
    assert len(model_provenance("brighter")["weights_sha256"]) == 64
    (note,) = outside_training_range(series(), find("brighter").training_range)
    assert "not at least 50" in note
    for message in (lambda: find("nonsense"), lambda: reconstruct_with_uncertainty(series(), model="linear")):
        with pytest.raises(ModelError, match=r"choose .*brighter"):
            message()


def test_a_file_has_the_entry_of_its_network(brighter, tmp_path) -> None:
    other = tmp_path / "other.safetensors"
    save_model(create("brighter", offset=0.1), other, name="brighter", options={})
    entry = find(other)
    assert (entry.title, entry.weights, entry.card, entry.cost) == (brighter.title, other, {}, None)
    assert float(load_model(other).offset.detach()) == pytest.approx(0.1)
    assert model_name("other.safetensors") == "other.safetensors"
    save_model(create("linear"), other, name="unheard-of", options={})
    with pytest.raises(ModelError, match="not known here, 'unheard-of'"):
        load_model(other)


def test_two_models_cannot_share_a_name(brighter) -> None:
    register(brighter)
    with pytest.raises(ModelError, match="named 'linear' already"):
        register(ModelEntry("linear", "", "", ""))


def test_shipped_models_are_complete() -> None:
    assert names()[0] == DEFAULT_MODEL
    for entry in entries():
        assert entry.available
        assert entry.is_interpolator == (entry.training_range is None) == (entry.cost is None) == (entry.card == {})
        assert entry.description.endswith(".")
        assert not entry.weights or entry.card["name"] == entry.weights.stem


def test_the_catalog_needs_no_torch_and_no_research() -> None:
    code = (
        "import sys, dsc_superres.models as models, dsc_superres.pipeline.estimate, dsc_superres.worker.probe\n"
        "print(sum(entry.available for entry in models.entries()))\n"
        "print(sorted({'torch', 'numpy', 'dsc_superres.benchmark'} & set(sys.modules)), *models._entries)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, modules, *known = done.stdout.replace("\n", " ").split()
    assert (int(count), modules) == (len(entries()), "[]")
    assert ABLATED not in known
    assert "videoinr" not in known


def test_networks_are_named_in_their_entries_alone() -> None:
    """Other files may name a recipe of theirs, a .toml file."""
    networks = [name for name, entry in models._entries.items() if not entry.is_interpolator]
    pattern = re.compile(rf"(?<![\w-])({'|'.join(sorted(networks, key=len, reverse=True))})(?![\w-]|\.toml|\.safet)")
    allowed = {PACKAGE / "models.py", PACKAGE / "benchmark" / "research_models.py"}
    found = {
        f"{path.relative_to(PACKAGE.parent)}:{number}: {line.strip()}"
        for path in PACKAGE.parent.rglob("*.py")
        if path not in allowed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line.replace("benchmark.networks.videoinr", ""))
    }
    assert not found
