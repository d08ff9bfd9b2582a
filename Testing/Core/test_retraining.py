"""The chain that trains the shipped models again: what runs, in which order, and that it goes on where it stopped."""

import io
import json
import signal
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from dsc_superres.benchmark import heads, retrain
from dsc_superres.benchmark.retraining import head_files
from dsc_superres.benchmark.retraining.head_files import HeadVolume, download, folder_sha256, read_heads, state
from dsc_superres.benchmark.retraining.plus_start import write_plus_start
from dsc_superres.benchmark.retraining.stages import CHAIN, MODELS, RECIPES, Chain
from dsc_superres.errors import FileError, ModelError
from dsc_superres.networks import load_model
from dsc_superres.training.config import read_config
from dsc_superres.training.train import Trainer

INTERRUPTED = "ode-liif-plus/3-dynamic-part"


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A shortened run that is interrupted in the middle of a stage, and the same command once more."""
    folder = tmp_path_factory.mktemp("retrain")
    update = Trainer.update

    def interrupted(trainer: Trainer, batch) -> float:
        value = update(trainer, batch)
        if INTERRUPTED in trainer.folder.as_posix():
            signal.raise_signal(signal.SIGINT)
        return value

    Trainer.update = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            retrain.run(["--shortened", "--out", str(folder)])
    finally:
        Trainer.update = update
    (folder / "before.json").write_text(json.dumps(changed_at(folder)))
    listed = retrain.listing(shortened_chain(folder), CHAIN, True)
    (folder / "listed.txt").write_text(listed)
    retrain.run(["--shortened", "--out", str(folder)])
    return folder


def shortened_chain(folder: Path) -> Chain:
    return Chain(folder, lambda options: retrain.shorten(options, folder / "heads"))


def changed_at(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in sorted(folder.rglob("*.safetensors"))}


def test_a_shortened_chain_leaves_weights_and_cards_of_both_models(runs) -> None:
    assert set(MODELS) == {"ode-liif", "ode-liif-plus", "ode-liif-compact"}
    for model in MODELS:
        card = json.loads((runs / "weights" / f"{model}.json").read_text())
        assert card["name"] == model
        assert "not for use" in card["training"]["history"]
        for stage in CHAIN:
            assert (stage.title in card["training"]["history"]) == (stage.model == model)
        assert card["validation"]["mean"]["psnr"] > 10
        load_model(runs / "weights" / f"{model}.safetensors")  # refuses weights that are not those of the card


def test_an_interrupted_chain_goes_on_where_it_stopped(runs) -> None:
    before, after = json.loads((runs / "before.json").read_text()), changed_at(runs)
    finished = [name for name in before if INTERRUPTED not in name]
    assert len(finished) == 5  # ode-liif's three, the static part and the start
    assert all(after[name] == before[name] for name in finished)
    assert f"{INTERRUPTED:<40}       3              to resume at step 1 of 3" in (runs / "listed.txt").read_text()
    chain = shortened_chain(runs)
    assert all(chain.is_finished(stage) for stage in CHAIN)


def test_a_finished_chain_has_nothing_to_do(runs, capsys) -> None:
    before = changed_at(runs)
    retrain.run(["--shortened", "--out", str(runs)])
    assert changed_at(runs) == before
    assert capsys.readouterr().err.count("finished") == len(CHAIN)


def test_runs_of_another_recipe_are_not_taken_for_finished(runs) -> None:
    with pytest.raises(ModelError, match="another recipe"):
        Chain(runs).run(CHAIN[0])


def test_stages_are_the_numbered_recipes_in_their_order() -> None:
    for model in MODELS:
        own = [stage for stage in CHAIN if stage.model == model]
        assert [stage.title for stage in own] == sorted(path.stem for path in (RECIPES / model).glob("[0-9]*.toml"))
        assert [int(stage.title.partition("-")[0]) for stage in own] == list(range(1, len(own) + 1))
        assert read_config(own[-1].recipe).name == model


def test_every_stage_begins_with_what_an_earlier_one_leaves(tmp_path) -> None:
    chain, left = Chain(tmp_path), set()
    for stage in CHAIN:
        if stage.is_start:
            begins = [str(chain.start_options(stage).static)] if chain.start_options(stage).static else []
            assert chain.start_options(stage).is_shipped  # no finished run of its source is there
        else:
            options = chain.options(stage)
            begins = [path for path in (options.start_from, *options.parts.values()) if path]
        assert left.issuperset(begins), stage.name
        left.add(str(chain.weights(stage)))


def test_heads_that_are_missing_are_named_before_hours_are_spent(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DSC_REFERENCE", "")
    monkeypatch.setenv("DSC_HEADS", "")
    with pytest.raises(FileError, match="sub-0002_T1"):
        retrain.run(["--out", str(tmp_path), "--heads", str(tmp_path)])
    for stage in CHAIN:
        options = retrain.without_missing(read_config(stage.recipe)) if not stage.is_start else None
        if options:
            assert options.data["volumes"] == ["mni152"]
            assert "labels" not in options.data
            assert sum(options.data.get("shares", [1])) == pytest.approx(1)


def test_the_list_of_heads_is_what_recipes_name() -> None:
    entries = read_heads()
    listed = {f"${variable}/{head.file}" for head in entries for variable in ("DSC_REFERENCE", "DSC_HEADS")}
    named = set()
    for stage in CHAIN:
        if not stage.is_start:
            data = read_config(stage.recipe).data
            named |= {*data["volumes"], *data.get("labels", [])} - {"mni152"}
    assert named <= listed
    assert len(named) == len(entries)


def test_heads_are_downloaded_checked_and_kept(tmp_path, capsys, monkeypatch) -> None:
    (tmp_path / "source.mgz").write_bytes(b"a head")
    bad, good = (
        HeadVolume("anatomy/head.mgz", (tmp_path / "source.mgz").as_uri(), sha256(content).hexdigest(), "CC0", "a head")
        for content in (b"another", b"a head")
    )
    with pytest.raises(FileError, match="has the SHA-256"):
        download(bad, tmp_path / "heads")
    assert state(bad, tmp_path / "heads") == "missing"
    monkeypatch.setattr(heads, "read_heads", lambda: [good])
    heads.run(["--into", str(tmp_path / "heads")])
    assert "ok        anatomy/head.mgz" in capsys.readouterr().out
    (tmp_path / "heads" / good.file).write_bytes(b"another")
    with pytest.raises(FileError, match="1 of 1 heads"):
        heads.run(["--check", str(tmp_path / "heads")])


def test_dicom_files_of_an_archive_are_checked_as_a_folder(tmp_path, monkeypatch) -> None:
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        for name, content in (("b.dcm", b"2"), ("a.dcm", b"1"), ("deep/c.dcm", b"3"), ("LICENSE", b"4")):
            member = tarfile.TarInfo(f"repository-1234/dicoms/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    for name, content in (("a.dcm", b"1"), ("b.dcm", b"2")):
        (tmp_path / name).write_bytes(content)
    digest = folder_sha256([tmp_path / "b.dcm", tmp_path / "a.dcm"])
    head = HeadVolume("head.nii.gz", (tmp_path / "archive.tar.gz").as_uri(), digest, "MIT", "a head", "dicoms/*.dcm")

    def convert(source: Path, target: Path) -> None:
        target.write_bytes(b"".join(path.read_bytes() for path in sorted(source.iterdir())))

    monkeypatch.setattr(head_files, "_from_dicom", convert)
    assert state(head, tmp_path) == "missing"
    download(head, tmp_path)
    assert (tmp_path / "head.nii.gz").read_bytes() == b"12"
    assert state(head, tmp_path) == "ok"
    (tmp_path / "head.nii.gz").write_bytes(b"13")
    assert state(head, tmp_path) == "differs"


def test_the_start_of_plus_needs_a_static_part(tmp_path) -> None:
    options = read_config(RECIPES / "ode-liif-plus" / "3-dynamic-part.toml")
    with pytest.raises(FileError, match="of the static part"):
        write_plus_start(options, tmp_path / "gone.safetensors", "ode-liif", tmp_path / "start.safetensors")
