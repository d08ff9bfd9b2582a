"""The command line on real files: what it writes, what it refuses, and what it leaves behind."""

import gzip
import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres import cli
from dsc_superres.cli.parser import build_parser
from dsc_superres.io import read_series, read_volume, write_series, write_volume
from dsc_superres.perfusion.concentration import ASSUMED_ECHO_TIME
from dsc_superres.series import Series
from dsc_superres.utils.ending import Ended

COMMANDS = ("info", "simulate", "undersample", "reconstruct", "maps", "compare", "train", "benchmark", "demo")
MAPS = ("cbv", "cbf", "mtt", "ttp", "tmax")


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nii.gz"
    write_series(bolus_series(), path)
    return path


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from dsc_superres.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'skimage', 'matplotlib', 'SimpleITK', 'pydicom'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    example = text[text.index("example:") :].splitlines()[1].split()
    assert example[:2] == ["dsc-superres", command]


def test_from_scan_to_metrics_and_maps(scan, tmp_path, capsys):
    coarse, fine, difference = (tmp_path / name for name in ("coarse.nii", "fine.seq.nrrd", "difference.nii.gz"))
    assert run("undersample", scan, coarse) == 0
    assert run("reconstruct", coarse, fine, "--model", "pchip") == 0
    few, many = read_series(coarse), read_series(fine)
    assert many.frames == 4 * (few.frames - 1) + 1
    np.testing.assert_allclose(many.times[::4], few.times, atol=1e-3)

    report = tmp_path / "metrics.json"
    assert run("compare", fine, scan, "--json", report, "--difference", difference) == 0
    assert "brain" in capsys.readouterr().out
    found = json.loads(report.read_text())
    truth = read_series(scan)
    rows, columns = many.signal.shape[2:]
    expected = many.signal - truth.signal[: many.frames, :, :rows, :columns]
    np.testing.assert_allclose(read_series(difference).signal, expected, atol=0.01)
    assert found["whole"]["nmse"] == pytest.approx(
        float((expected.astype(float) ** 2).sum() / (truth.signal[: many.frames, :, :rows, :columns] ** 2).sum()),
        rel=1e-3,
    )
    assert len(found["brain"]["frame_psnr"]) == many.frames

    assert run("maps", fine, tmp_path / "maps", "--te", "0.03") == 0
    chosen = ["--method", "csvd", "--threshold", "0.15", "--integration-end", "40", "--baseline", "0", "9"]
    assert run("maps", fine, tmp_path / "chosen", "--te", "0.03", *chosen) == 0
    told = json.loads((tmp_path / "chosen" / "provenance.json").read_text())
    assert (told["threshold"], told["integration_end_s"], told["baseline_s"][0]) == (0.15, 40, 0)
    for name in MAPS:
        values, geometry = read_volume(tmp_path / "maps" / f"{name}.nii.gz")
        assert values.shape == many.signal.shape[1:]
        np.testing.assert_allclose(geometry.affine, many.geometry.affine, atol=1e-3)
    again = tmp_path / "again"
    alone = tmp_path / "alone"
    assert run("maps", fine, alone, "--te", "0.03", "--no-spatial-prior") == 0
    arterial = ("--aif", alone / "aif.csv", "--te", "0.03", "--no-spatial-prior")
    assert run("maps", fine, again, *arterial) == 0
    first, second = (read_volume(folder / "cbv.nii.gz")[0] for folder in (alone, again))
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)


def test_whole_numbers_come_back_whole_on_request(tmp_path):
    series, path, fine = bolus_series(), tmp_path / "scan.nii.gz", tmp_path / "fine.nii.gz"
    write_series(replace(series, scalar_type=np.int16), path, integer=True)
    assert run("reconstruct", path, fine, "--model", "linear", "--integer") == 0
    assert read_series(fine).scalar_type == np.int16
    assert run("reconstruct", path, fine, "--model", "linear") == 0
    assert read_series(fine).scalar_type == np.float32


def test_info_says_what_is_there_and_what_is_missing(tmp_path, capsys):
    series = bolus_series()
    path = tmp_path / "bare.nii"
    write_series(Series(series.signal, series.times, series.geometry), path)
    assert run("info", path) == 0
    text = capsys.readouterr().out
    assert "41 x 37 x 2" in text
    assert "33" in text
    assert "--te" in text
    assert f"maps assume {1000 * ASSUMED_ECHO_TIME:g} ms" in text
    assert run("info", path, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["missing"] == ["echo_time"]
    assert facts["interval_s"] == pytest.approx(1.5)


def three_dimensional(folder):
    write_volume(np.ones((3, 4, 5), np.float32), bolus_series().geometry, folder / "in.nii.gz")
    return "in.nii.gz"


def text_file(folder):
    (folder / "in.nii").write_text("this is not an image")
    return "in.nii"


def truncated(folder):
    write_series(bolus_series(), folder / "whole.nii.gz")
    content = (folder / "whole.nii.gz").read_bytes()
    (folder / "in.nii.gz").write_bytes(content[: len(content) // 2])
    return "in.nii.gz"


def not_gzip(folder):
    (folder / "in.nii.gz").write_bytes(gzip.compress(b"short"))
    return "in.nii.gz"


@pytest.mark.parametrize("make", [three_dimensional, text_file, truncated, not_gzip, lambda folder: "missing.nii"])
def test_bad_input_is_one_sentence_and_no_output(make, tmp_path, capsys):
    name = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run("reconstruct", tmp_path / name, tmp_path / "out.seq.nrrd", "--model", "linear") == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("dsc-superres: ")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
@pytest.mark.parametrize("target", [["undersample", "coarse.nii"], ["maps", "maps"]])
def test_a_full_disk_leaves_no_half_written_file(target, scan, tmp_path):
    """A limit on the size of files stops the writing in its middle, as a full disk does."""
    code = (
        "import resource, sys; from dsc_superres.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    before = sorted(tmp_path.iterdir())
    command, name = target
    done = subprocess.run(
        [sys.executable, "-c", code, command, str(scan), str(tmp_path / name), "--te", "0.03"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reconstruct", "IN", "OUT.seq.nrrd", "--model", "nonsense"], "model"),
        (["reconstruct", "IN", "OUT.txt"], "OUT.txt"),
        (["reconstruct", "IN", "scan.nii.gz"], "input itself"),
        (["reconstruct", "IN", "scan.seq.nrrd"], "scan.json"),
        (["simulate", "scan.nii", "--seed", "1"], "scan.json"),
        (["compare", "IN", "IN", "--difference", "scan.nii.gz"], "input itself"),
        (["reconstruct", "IN", "nowhere/OUT.nii"], "nowhere"),
        (["undersample", "IN", "OUT.nii", "--time", "99"], "factor"),
        (["maps", "IN", "OUT", "--method", "nonsense"], "method"),
        (["maps", "IN", "OUT", "--leakage", "some"], "bidirectional"),
        (["maps", "IN", "OUT", "--threshold", "1.5", "--method", "csvd"], "between 0 and 1"),
        (["maps", "IN", "OUT", "--te", "5"], "echo time"),
        (["maps", "IN", "OUT", "--mask", "nowhere.nii"], "nowhere.nii"),
        (["maps", "IN", "IN"], "scan.nii.gz"),
        (["train", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_arguments_leave_nothing_behind(arguments, words, scan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(*[scan if argument == "IN" else argument for argument in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error
    assert "\n" not in error
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments", [["reconstruct", "a", "b", "--space", "0.5"], ["maps", "a", "b", "--te", "x"], []]
)
def test_unreadable_arguments_are_one_sentence_too(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_series_without_bolus_gives_no_maps(tmp_path, capsys):
    path = tmp_path / "flat.seq.nrrd"
    write_series(bolus_series(bolus=False), path)
    assert run("maps", path, tmp_path / "maps", "--te", "0.03") == 2
    assert "bolus" in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()


def test_interruption_ends_with_130_and_without_output(scan, tmp_path, monkeypatch, capsys):
    from dsc_superres.pipeline import reconstruct_case as module

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "reconstruct_series", interrupted)
    assert run("reconstruct", scan, tmp_path / "fine.nii") == 130
    assert not (tmp_path / "fine.nii").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_signal_while_the_commands_load_ends_without_a_traceback(monkeypatch, capsys):
    class Loading:
        def __getattr__(self, name):
            raise Ended(signal.SIGTERM)

    monkeypatch.setitem(sys.modules, "dsc_superres.cli.parser", Loading())
    assert cli.main(["info", "scan.nii.gz"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err.strip().endswith("interrupted")
