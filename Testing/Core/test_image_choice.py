"""Echo, stack and series of DICOM are chosen at every door that reads several series, of those that have a choice."""

import json
from pathlib import Path

import numpy as np
import pytest
from dicom_sample import PIXELS, classic_series

from dsc_superres.cli import main
from dsc_superres.io import read_series, write_series

ECHOES = ("14", "30")


@pytest.fixture
def two_echoes(tmp_path: Path) -> Path:
    """Frames 0 and 2 are of the first echo; frame 1 is of the second."""
    return classic_series(tmp_path / "echoes", lambda t, z: {"EchoTime": ECHOES[t % 2], "AcquisitionTime": f"10000{t}"})


def test_a_comparison_takes_the_echo_of_its_inputs(two_echoes, tmp_path, capsys) -> None:
    truth = read_series(two_echoes, echo=1)
    write_series(truth, tmp_path / "fine.nii.gz")
    for recon in (tmp_path / "fine.nii.gz", two_echoes):
        pair = ["compare", str(recon), str(two_echoes), "--mask", "none", "--json", "-"]
        assert main(pair) == 2
        assert "--echo 1 to 2" in capsys.readouterr().err
        assert main([*pair, "--echo", "1"]) == 0
        assert json.loads(capsys.readouterr().out)["whole"]["nmse"] == pytest.approx(0, abs=1e-9)
    files = [str(tmp_path / "fine.nii.gz")] * 2
    assert main(["compare", *files, "--echo", "1"]) == 2
    assert "None of the files is DICOM" in capsys.readouterr().err


def test_a_frame_interval_rescues_the_truth_of_a_comparison(tmp_path, capsys) -> None:
    clock = ("100000", "100500", "100001")  # set back after the second frame
    folder = classic_series(
        tmp_path / "scan", lambda t, z: {"AcquisitionTime": clock[t], "TemporalPositionIdentifier": t + 1}
    )
    write_series(read_series(folder, interval=1.5), tmp_path / "fine.nii.gz")
    pair = ["compare", str(tmp_path / "fine.nii.gz"), str(folder), "--mask", "none", "--json", "-"]
    assert main(pair) == 2
    assert "--tr SECONDS" in capsys.readouterr().err
    assert main([*pair, "--tr", "1.5"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"]["nmse"] == pytest.approx(0, abs=1e-9)


def test_maps_of_several_series_take_the_echo_where_there_is_one(two_echoes, tmp_path, capsys) -> None:
    write_series(read_series(two_echoes, echo=1), tmp_path / "fine.nii.gz")
    roles = [f"truth={two_echoes}", f"reconstruction={tmp_path / 'fine.nii.gz'}"]
    command = ["maps", str(tmp_path / "out"), "--inputs", *roles]
    assert main([*command, "--echo", "1"]) == 2
    assert "bolus" in capsys.readouterr().err  # read; the noise of the sample has none
    assert main([*command, "--echo", "1", "--tr", "2"]) == 2
    assert 'give it with "input"' in capsys.readouterr().err
    assert np.array_equal(read_series(two_echoes, echo=1).signal, PIXELS[::2])
