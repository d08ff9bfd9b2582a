"""Names of files, headers and tags, which may name a patient, are in no byte of any result of any door."""

import gzip
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_sample import classic, save
from sample import bolus_series

from dsc_superres.cli import main
from dsc_superres.io import write_series, write_volume
from dsc_superres.models import WEIGHTS

NAME = "Xylander"
"""A name that is no word of any text."""
FILE = f"{NAME}^Quirin_19700101"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A series in three formats, mask, arterial input and weights, all with the name in files and in free texts."""
    folder = tmp_path_factory.mktemp("inputs")
    series = bolus_series()
    for file in (f"{FILE}.nii", f"{FILE}-2.nii.gz"):
        write_series(series, folder / file)
    write_series(series.with_signal(np.full_like(series.signal, 5)), folder / f"{FILE}-sd.nii.gz")
    raw = bytearray((folder / f"{FILE}.nii").read_bytes())
    struct.pack_into("18s", raw, 14, NAME.encode())  # db_name
    struct.pack_into("80s24s", raw, 148, NAME.encode(), NAME.encode())  # descrip, aux_file
    (folder / f"{FILE}.nii").write_bytes(raw)
    foreign = {"EchoTime": 0.03, "RepetitionTime": 1.5, "PatientName": NAME, "SeriesDescription": NAME}
    foreign |= {
        "Provenance": {"times": NAME, "role": "reconstruction", "notes": [NAME]},
        "GeneratedBy": [{"Name": NAME}],
    }
    (folder / f"{FILE}.json").write_text(json.dumps(foreign))
    write_series(series, folder / f"{FILE}-3.seq.nrrd")
    lines = (folder / f"{FILE}-3.seq.nrrd").read_bytes().split(b"\n\n", 1)
    lines[0] += f"\n# {NAME}\nPatient:={NAME}\nDSCSuperRes.Note:={NAME}".encode()
    (folder / f"{FILE}-3.seq.nrrd").write_bytes(b"\n\n".join(lines))
    (folder / f"{FILE}-3.json").unlink()
    write_volume(series.signal.mean(axis=0) > 100, series.geometry, folder / f"{FILE}-mask.nii.gz")
    artery = 40 * np.exp(-(((series.times - 20) / 4) ** 2))
    rows = "".join(f"{t},{v}\n" for t, v in zip(series.times, artery, strict=True))
    (folder / f"{FILE}-artery.csv").write_text(f"time_s,delta_r2star\n{rows}")
    shutil.copy(WEIGHTS / "ode-liif.safetensors", folder / f"{FILE}-weights.safetensors")
    tags = dict.fromkeys(("PatientName", "PatientID", "StudyDescription", "SeriesDescription", "ProtocolName"), NAME)
    save(folder / f"{FILE}-dicom", [classic(t, z, **tags) for t in range(3) for z in range(4)])
    return folder


def names_in(folder: Path) -> list[str]:
    """The files below ``folder`` whose bytes hold the name, compressed or not, in UTF-8 or UTF-16."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            content += gzip.decompress(content) if content.startswith(b"\x1f\x8b") else b""
            if any(word in content for word in (NAME.encode(), NAME.encode("utf-16-le"))):
                found.append(str(path.relative_to(folder)))
    return found


COMMANDS = {
    "into a file": "reconstruct {0}.nii fine.nii.gz --model {0}-weights.safetensors --time 2 --space 1",
    "from a sequence": "reconstruct {0}-3.seq.nrrd fine.seq.nrrd --model linear --time 2 --space 1 --tr 1.5",
    "into a folder": "reconstruct {0}.nii out --model linear --method csvd --aif {0}-artery.csv --mask {0}-mask.nii.gz "
    "--report",
    "without maps": "reconstruct {0}-dicom out --model linear --space 1 --time 2 --report",
    "maps": "maps {0}.nii out --aif {0}-artery.csv --mask {0}-mask.nii.gz --method csvd --uncertainty {0}-sd.nii.gz",
    "maps of several": "maps out --inputs truth={0}.nii input={0}-2.nii.gz --method csvd --te 0.9",
    "compare": "compare {0}.nii {0}-2.nii.gz --json out.json --difference difference.seq.nrrd",
    "under-sampled": "undersample {0}.nii coarse.nii.gz",
    "demo": "demo {0}.nii --out out --model linear --baselines {0}-weights.safetensors --method csvd --figures figures",
}


@pytest.mark.parametrize("door", COMMANDS)
def test_no_result_holds_the_name(inputs: Path, tmp_path: Path, monkeypatch, door: str) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.replace("{0}", str(inputs / FILE)) for word in COMMANDS[door].split()]
    assert main(words) == 0
    assert len(list(tmp_path.rglob("*"))) > 1
    assert names_in(tmp_path) == []


def test_a_batch_names_its_cases_and_nothing_else(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    for file in (f"{FILE}.nii", f"{FILE}.json"):
        shutil.copy(inputs / file, tmp_path / "studies" / file)
    (tmp_path / "studies" / f"{FILE}-broken.nii").write_bytes(b"nothing")
    command = ["batch", str(tmp_path / "studies"), "--out", str(tmp_path / "out"), "--model", "linear"]
    assert main([*command, "--no-maps", "--mask", str(inputs / f"{FILE}-mask.nii.gz")]) == 2
    assert names_in(tmp_path / "out") == ["batch.csv"]
    rows = (tmp_path / "out" / "batch.csv").read_text().splitlines()
    assert not any(NAME in row.partition(",")[2] for row in rows)  # after the case, which is the folder's name


def test_the_worker_leaves_no_name(inputs: Path, tmp_path: Path) -> None:
    job = {"task": "open", "input": str(inputs / f"{FILE}.nii"), "output": str(tmp_path / "out")}
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "dsc_superres.worker", "--job", str(tmp_path / "job.json")]
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes, text=True) as process:
        said = process.stdout.read()
        assert process.wait() == 0
    (tmp_path / "job.json").unlink()
    assert names_in(tmp_path) == []
    assert NAME not in said
