"""Odd job files, training files, tables of arterial inputs and DICOM headers."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from fuzz_images import lay, samples
from harness import attack_of, refused_or_done
from mutations import WORDS, damaged, json_text, odd_value, with_odd_values

GEOMETRY = {"spacing": [2, 2, 5], "origin": [0, 0, 0], "direction": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
JOBS: tuple[dict[str, Any], ...] = (
    {
        "task": "export",
        "output": "out",
        "series": [
            {"name": "s", "file": "series.npy", "times": [0, 1.5, 3, 4.5], "geometry": GEOMETRY}
            | {"formats": ["nii.gz", "seq.nrrd"], "echo_time": 0.03, "sources": {"times": "x"}, "scalar_type": "int16"}
        ],
        "maps": [{"file": "map.npy", "geometry": GEOMETRY, "path": "maps/cbv", "formats": ["nii.gz", "nrrd"]}],
    },
    {
        "task": "export",
        "output": "out",
        "maps": [
            {"file": "map.npy", "geometry": GEOMETRY, "path": "cbv", "formats": []}
            | {"dicom": {"folder": "dicom/cbv", "name": "cbv", "units": "mL/100 g"}}
        ],
        "dicom": {"description": "maps", "provenance": {"a": "b"}},
    },
    {"task": "open", "input": "scan.nii", "output": "out"},
    {"task": "reconstruct", "input": "scan.nii", "output": "fine.nii", "model": "linear", "space": 2, "time": 2},
    {"task": "reconstruct", "input": "series.npy", "times": [0, 1, 2, 3], "geometry": GEOMETRY, "output": "fine.nii"}
    | {"model": "linear", "interval": 1.0, "echo_time": 0.03, "frame_interval": 1.5},
)


def job_case(seed: int, folder: Path) -> str:
    from dsc_superres.jobs.job_files import read_job
    from dsc_superres.jobs.run import run_job

    random = Random(seed)
    lay(folder, samples()["scan.nii"])
    np.save(folder / "series.npy", np.ones((4, 2, 5, 6), np.float32) * np.arange(1, 5)[:, None, None, None])
    np.save(folder / "map.npy", np.ones((2, 5, 6), np.float32))
    job = with_odd_values(random, random.choice(JOBS))
    if isinstance(job, dict) and not (isinstance(job.get("output"), str) and job["output"] in ("out", "fine.nii")):
        job["output"] = random.choice(("out", "fine.nii"))  # no case may write elsewhere
    (folder / "job.json").write_bytes(json_text(random, job))
    inputs = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    found = refused_or_done(lambda: run_job(read_job(folder / "job.json")))
    if found:
        return found
    changed = [path.name for path, content in inputs.items() if path.read_bytes() != content]
    left = [path.name for path in folder.rglob("*.part*")]
    return f"changed {changed}, left {left}" if changed or left else ""


def training_case(seed: int, folder: Path) -> str:
    from dsc_superres.training.config import read_config

    random = Random(seed)
    value = {
        "name": "ode-liif",
        "out": "runs/x",
        "steps": 5,
        "rate": 0.001,
        "network": {"channels": 4},
        "frozen": ["a"],
    }
    value |= {"data": {"slices": 2}, "frozen": ["a"], "parts": {"a": "b"}, "start_from": "ode-liif", "bfloat16": True}
    value[random.choice(list(value))] = odd_value(random)
    if random.random() < 0.3:
        value["extends"] = random.choice(("job.toml", "other.toml", ".", "a\0b", "x" * 5000, 5, [5], [["a"]]))
    lines = "\n".join(f"{key} = {_toml(each)}" for key, each in value.items())
    text = lines.encode("utf-8", "replace")
    if random.random() < 0.3:
        text = damaged(random, text)
    if random.random() < 0.05:
        text = b"a = " + b"[" * 50_000
    (folder / "job.toml").write_bytes(text)
    return refused_or_done(lambda: read_config(folder / "job.toml"))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps("" if value is None else value).replace("NaN", "nan").replace("Infinity", "inf")


def table_case(seed: int, folder: Path) -> str:
    from dsc_superres.perfusion.arterial_input import read_aif_csv

    random = Random(seed)
    rows = [["time_s", "delta_r2star"], *([str(t), str(10 * t)] for t in range(6))]
    for _ in range(random.randint(0, 3)):
        row = random.choice(rows)
        row[random.randrange(len(row))] = random.choice((*WORDS, '"', "1,2", "1e400", "\r", "\x00"))
    text = "\n".join(map(",".join, rows)).encode("utf-8", "replace")
    (folder / "aif.csv").write_bytes(damaged(random, text) if random.random() < 0.5 else text)
    return refused_or_done(lambda: read_aif_csv(folder / "aif.csv"))


ODD_TAGS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices"),
    *("EchoTime", "RepetitionTime", "AcquisitionTime", "AcquisitionDate", "AcquisitionNumber", "InstanceNumber"),
    *("TemporalPositionIdentifier", "TemporalResolution", "TriggerTime", "RescaleSlope", "RescaleIntercept"),
    *("NumberOfFrames", "NumberOfTemporalPositions", "ImageType", "SeriesInstanceUID", "SOPInstanceUID"),
    *("SeriesNumber", "ScanningSequence", "MRAcquisitionType", "PhotometricInterpretation", "PixelData"),
)
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@cache
def dicom_files() -> dict[str, bytes]:
    """Two frames of two slices as classic DICOM."""
    import io

    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    found = {}
    for index in range(4):
        frame, place = divmod(index, 2)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", f"1.2.3.{index}"
        one = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
        one.SOPClassUID, one.SOPInstanceUID, one.SeriesInstanceUID = (
            "1.2.840.10008.5.1.4.1.1.4",
            f"1.2.3.{index}",
            "1.2",
        )
        one.Modality, one.ImageType, one.SeriesNumber, one.InstanceNumber = "MR", ["ORIGINAL", "PRIMARY"], 3, index + 1
        one.AcquisitionTime, one.AcquisitionNumber, one.TemporalPositionIdentifier = (
            f"12000{frame}.5",
            frame + 1,
            frame + 1,
        )
        one.EchoTime, one.RepetitionTime, one.SliceThickness = 30, 1500, 5
        one.PixelSpacing, one.ImagePositionPatient = [2, 2], [0, 0, 5 * place]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.Rows, one.Columns, one.SamplesPerPixel, one.PhotometricInterpretation = 4, 4, 1, "MONOCHROME2"
        one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
        one.PixelData = np.arange(16, dtype="<u2").tobytes()
        buffer = io.BytesIO()
        one.save_as(buffer, enforce_file_format=True)
        found[f"IM{index}"] = buffer.getvalue()
    return found


def dicom_case(seed: int, folder: Path) -> str:
    import io

    import pydicom
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    from dsc_superres.io import read_series

    random = Random(seed)
    files = dict(dicom_files())
    for name in random.sample(list(files), random.choice((1, 2, 4))):
        if random.random() < 0.4:
            files[name] = damaged(random, files[name])
            continue
        one = pydicom.dcmread(io.BytesIO(files[name]))
        for tag in random.sample(ODD_TAGS, random.randint(1, 2)):
            value = random.choice(
                (None, "", "abc", ["1", "2"], "nan", "inf", "-1", "0", "99999", 0, 65535, b"", b"\xff")
            )
            with suppress(Exception):  # what pydicom itself does not let pass
                setattr(one, tag, value)
        if random.random() < 0.2:
            items = random.choice(([], [Dataset()], [Dataset(), Dataset()]))
            setattr(one, random.choice(GROUPS), Sequence(items))
            one.NumberOfFrames = random.choice((0, 1, 2, 10**6))
        buffer = io.BytesIO()
        try:
            one.save_as(buffer)
            files[name] = buffer.getvalue()
        except Exception:
            files[name] = damaged(random, files[name])
    lay(folder, files)
    return refused_or_done(lambda: read_series(folder))


ATTACKS = [
    (attack_of("odd jobs", job_case, samples), 0.12),
    (attack_of("odd training files", training_case), 0.05),
    (attack_of("odd tables of arterial inputs", table_case), 0.03),
    (attack_of("odd DICOM headers", dicom_case, dicom_files), 0.15),
]
