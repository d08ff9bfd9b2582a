"""Damaged ZIP files of DICOM, PAR/REC, NIfTI-2, pairs of header and image, and numpy arrays of jobs."""

from __future__ import annotations

import io
import struct
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from fuzz_files import GEOMETRY, dicom_files
from fuzz_images import lay
from harness import attack_of, refused_or_done, refused_or_done_command, unchanged
from mutations import NUMBERS, WORDS, damaged

NPY_HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999, 9, 9), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (4, 2, 5, 6), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 2, 5, 6), }",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (4, 2, 5, 6), }",
    "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (4, 2, 5, 6), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4, 2, 5, 6), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 2, 5, 6), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<U9', 'fortran_order': False, 'shape': (4, 2), }",
    "[" * 5000,
    "__import__('os').getcwd()",
)
"""Headers that an array of a job should not have."""


@cache
def image_files() -> dict[str, dict[str, bytes]]:
    """A small series as NIfTI-2 and as header and image, by kind and file name."""
    import tempfile

    import nibabel

    voxels = np.random.default_rng(0).integers(50, 900, (6, 5, 2, 4)).astype(np.int16)
    kinds = {"scan.nii": nibabel.Nifti2Image, "scan.hdr": nibabel.Nifti1Pair}
    found = {}
    for name, kind in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            image = kind(voxels, np.diag([2.0, 2.0, 5.0, 1.0]))
            image.header["pixdim"][4] = 1.5
            image.to_filename(f"{folder}/{name}")
            found[name] = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return found


def image_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    name = random.choice(("scan.nii", "scan.hdr"))
    files = dict(image_files()[name])
    header = 544 if name == "scan.nii" else 352
    raw = bytearray(files[name])
    if random.random() < 0.5:
        raw = bytearray(damaged(random, bytes(raw), header))
    else:
        layout = random.choice(("<h", "<f", "<d", "<q", "<i"))
        value = random.choice(NUMBERS) if layout in ("<f", "<d") else random.choice((0, -1, 1, 2, 7, 32767, -32768))
        struct.pack_into(layout, raw, random.randrange(min(header, len(raw)) - 8), value)
    files[name] = bytes(raw)
    if name == "scan.hdr" and random.random() < 0.2:
        files["scan.img"] = random.choice((b"", files["scan.img"][:100], damaged(random, files["scan.img"])))
    if name == "scan.hdr" and random.random() < 0.05:
        del files["scan.img"]
    lay(folder, files)
    return unchanged(folder, lambda: refused_or_done_command("info", folder / name))


@cache
def philips_files() -> dict[str, bytes]:
    """The PAR/REC that nibabel is tested with."""
    import nibabel

    place = Path(nibabel.__file__).parent / "tests" / "data" / "phantom_EPI_asc_CLEAR_2_1.PAR"
    return {"scan.PAR": place.read_bytes(), "scan.REC": place.with_suffix(".REC").read_bytes()}


def philips_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    files = dict(philips_files())
    lines = files["scan.PAR"].split(b"\n")
    if random.random() < 0.5:
        files["scan.PAR"] = damaged(random, files["scan.PAR"])
    else:
        for _ in range(random.randint(1, 3)):
            place = random.randrange(len(lines))
            words = lines[place].split(b" ")
            words[random.randrange(len(words))] = random.choice((*map(str, NUMBERS), *WORDS)).encode("utf-8", "replace")
            lines[place] = b" ".join(words) if random.random() < 0.9 else b""
        files["scan.PAR"] = b"\n".join(lines)
    if random.random() < 0.2:
        files["scan.REC"] = random.choice((b"", files["scan.REC"][:1000]))
    lay(folder, files)
    return unchanged(folder, lambda: refused_or_done_command("info", folder / "scan.PAR"))


def zip_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in dicom_files().items():
            place = random.choice((name, f"a/{name}", f"../../{name}", f"/{name}", "x" * 200 + name, f"ä/{name}"))
            archive.writestr(place, content if random.random() < 0.9 else damaged(random, content))
        if random.random() < 0.2:
            archive.writestr("a.zip", b"PK\x03\x04")
    raw = memory.getvalue()
    (folder / "scan.zip").write_bytes(damaged(random, raw) if random.random() < 0.8 else raw)
    return unchanged(folder, lambda: refused_or_done_command("info", folder / "scan.zip"))


def array_case(seed: int, folder: Path) -> str:
    from dsc_superres.jobs.run import run_job

    random = Random(seed)
    memory = io.BytesIO()
    np.save(memory, np.ones((4, 2, 5, 6), np.float32) * np.arange(1, 5, dtype=np.float32)[:, None, None, None])
    raw = memory.getvalue()
    if random.random() < 0.5:
        raw = damaged(random, raw, 128)
    else:
        header = random.choice(NPY_HEADERS).encode() + b"\n"
        raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + raw[128:]
    lay(folder, {"series.npy": raw})
    job = {"task": "reconstruct", "input": "series.npy", "times": [0, 1.5, 3, 4.5], "geometry": GEOMETRY}
    job |= {"output": str(folder / "fine.nii"), "model": "linear", "input": str(folder / "series.npy")}
    if random.random() < 0.5:
        one = {"name": "s", "file": str(folder / "series.npy"), "times": [0, 1.5, 3, 4.5], "geometry": GEOMETRY}
        job = {"task": "export", "output": str(folder / "out"), "series": [{**one, "formats": ["nii.gz"]}]}
    found = refused_or_done(lambda: run_job(job))
    if found or (folder / "series.npy").read_bytes() != raw:
        return found or "changed the array"
    left = [path.name for path in folder.rglob("*.part*")]
    return f"left {left}" if left else ""


ATTACKS = [
    (attack_of("damaged NIfTI-2 and pairs", image_case, image_files), 0.08),
    (attack_of("damaged PAR files", philips_case, philips_files), 0.04),
    (attack_of("damaged ZIP files", zip_case, dicom_files), 0.04),
    (attack_of("damaged arrays of jobs", array_case), 0.04),
]
