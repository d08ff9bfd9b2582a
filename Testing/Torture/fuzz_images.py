"""Damaged images of every format that is read, as series and as masks, and damaged sidecars."""

from __future__ import annotations

import gzip
import json
import os
import struct
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from harness import attack_of, contents, refused_or_done, refused_or_done_command, unchanged
from mutations import NUMBERS, WHOLE_NUMBERS, WORDS, damaged, json_text, with_odd_values

NIFTI_FIELDS = {
    "sizeof_hdr": ("i", 0),
    **{f"dim[{n}]": ("h", 40 + 2 * n) for n in range(8)},
    "datatype": ("h", 70),
    "bitpix": ("h", 72),
    **{f"pixdim[{n}]": ("f", 76 + 4 * n) for n in range(8)},
    "vox_offset": ("f", 108),
    "scl_slope": ("f", 112),
    "scl_inter": ("f", 116),
    "xyzt_units": ("B", 123),
    "toffset": ("f", 136),
    "qform_code": ("h", 252),
    "sform_code": ("h", 254),
    **{f"quatern[{n}]": ("f", 256 + 4 * n) for n in range(6)},
    **{f"srow[{n}]": ("f", 280 + 4 * n) for n in range(12)},
    "magic": ("4s", 344),
    "extension": ("4s", 348),
}
"""Type and place of the fields of a NIfTI-1 header."""
NRRD_LINES = (
    "type: block",
    "block size: 1000000000",
    "dimension: 17",
    "dimension: -1",
    "sizes: 0 0 0 0",
    "sizes: 99999999999 9 9 9",
    "space dimension: 5",
    "space: scanner-xyz-time",
    "encoding: gzip",
    "encoding: hex",
    "encoding: bzip2",
    "encoding: ascii",
    "endian: middle",
    "line skip: 100000000",
    "line skip: -1",
    "byte skip: -1",
    "byte skip: -5",
    "byte skip: 999999999999",
    "data file: /etc/hostname",
    "datafile: /etc/hostname",
    "data file: LIST",
    "data file: raw%03d.bin 1 4 1",
    "data file: neighbor.bin",
    "space origin: (nan,0,0)",
    "space origin: (inf,0,0)",
    "space origin: (1e308,1e308,1e308)",
    "space directions: (nan,0,0) (0,1,0) (0,0,1) none",
    "space directions: none none none none",
    "space directions: (0,0,0) (0,0,0) (0,0,0) none",
    "kinds: list list list list",
    "kinds: 3-vector domain domain domain",
    "axis 3 index values:=nan 1 2",
    "axis 3 index values:=1e999 1 2",
    "centers: cell node ??? ???",
    "thicknesses: nan nan nan nan",
    "axismins: nan 1 1 1",
    "spacings: nan -1 0 1e308",
    "old min: nan",
    "measurement frame: (nan,0,0) (0,1,0) (0,0,1)",
    'units: "\\"" "" ""',
    "sample units: " + "x" * 2000,
    "content: " + "y" * 20_000,
    "number: 0",
)
"""Lines that a NRRD header should not hold, or not everywhere."""


@cache
def samples() -> dict[str, dict[str, bytes]]:
    """A small series and a mask in every format, by kind and file name."""
    import tempfile

    from dsc_superres.geometry import Geometry
    from dsc_superres.io import write_series, write_volume
    from dsc_superres.series import Series

    random = np.random.default_rng(0)
    geometry = Geometry((2.0, 2.0, 5.0), (-6.0, -4.0, 10.0))
    signal = random.integers(50, 900, (4, 2, 5, 6)).astype(np.float32)
    series = Series(signal, 1.5 * np.arange(4), geometry, echo_time=0.03, scalar_type=np.dtype("int16"))
    mask = random.random((2, 5, 6)) < 0.7
    found: dict[str, dict[str, bytes]] = {}
    for name in ("scan.nii", "scan.nii.gz", "scan.seq.nrrd", "mask.nii", "mask.nii.gz", "mask.nrrd"):
        with tempfile.TemporaryDirectory() as folder:
            if name.startswith("scan"):
                write_series(series, f"{folder}/{name}", integer=True)
            else:
                write_volume(mask, geometry, f"{folder}/{name}")
            found[name] = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return found


def lay(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def odd_nifti(random: Random, raw: bytes) -> bytes:
    """A NIfTI file with some fields of its header replaced by numbers that they should not hold, or damaged."""
    zipped = raw[:2] == b"\x1f\x8b"
    data = bytearray(gzip.decompress(raw) if zipped else raw)
    if random.random() < 0.25:
        data = bytearray(damaged(random, bytes(data), 352))
    else:
        for name in random.sample(list(NIFTI_FIELDS), random.randint(1, 3)):
            layout, place = NIFTI_FIELDS[name]
            if layout == "4s":
                value: object = random.randbytes(4)
            elif layout == "f":
                value = random.choice(NUMBERS)
            else:
                value = random.choice(WHOLE_NUMBERS) % 256 if layout == "B" else random.choice(WHOLE_NUMBERS)
            struct.pack_into(f"<{layout}", data, place, value)
    if random.random() < 0.1:
        data = data[: random.randrange(len(data))]
    if not zipped:
        return bytes(data)
    packed = gzip.compress(bytes(data), 1)
    return damaged(random, packed) if random.random() < 0.2 else packed


def odd_nrrd(random: Random, raw: bytes) -> bytes:
    """A NRRD file with lines added to, changed in and taken from its header, or damaged."""
    header, _, voxels = raw.partition(b"\n\n")
    if random.random() < 0.3:
        return damaged(random, raw, len(header))
    lines = header.decode().split("\n")
    for _ in range(random.randint(1, 3)):
        place = random.randrange(1, len(lines))
        kind = random.random()
        if kind < 0.45:
            line = random.choice(NRRD_LINES)
            name = line.partition(":")[0]
            same = [n for n, old in enumerate(lines) if old.partition(":")[0] == name]
            if same and random.random() < 0.8:
                lines[same[0]] = line
            else:
                lines.insert(place, line)
        elif kind < 0.6:
            name, colon, _ = lines[place].partition(": ")
            lines[place] = f"{name}{colon}{random.choice((*WORDS, *map(str, NUMBERS)))}".replace("\n", " ")
        elif kind < 0.75:
            words = lines[place].split(" ")
            words[random.randrange(len(words))] = str(random.choice((*NUMBERS, *WHOLE_NUMBERS)))
            lines[place] = " ".join(words)
        elif kind < 0.85 and len(lines) > 2:
            del lines[place]
        elif kind < 0.95:
            lines.insert(place, random.choice(("x", "#", "", "key:=", "a: ")) * random.choice((1, 600, 1200, 70_000)))
        else:
            lines[0] = f"NRRD000{random.choice('01234569x')}"
    return "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n\n" + voxels


def _read_as_series(path: Path) -> str:
    return unchanged(path.parent, lambda: refused_or_done_command("info", path))


def nifti_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    name = random.choice(("scan.nii", "scan.nii", "scan.nii.gz"))
    files = {**samples()[name], name: odd_nifti(random, samples()[name][name])}
    if random.random() < 0.3:
        files.pop("scan.json")
    lay(folder, files)
    return _read_as_series(folder / name)


def nrrd_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    files = dict(samples()["scan.seq.nrrd"])
    files["scan.seq.nrrd"] = odd_nrrd(random, files["scan.seq.nrrd"])
    secret = b"secret voxels of another file " * 40
    lay(folder, {**files, "neighbor.bin": secret, "raw001.bin": secret})
    return _read_as_series(folder / "scan.seq.nrrd")


def mask_case(seed: int, folder: Path) -> str:
    from dsc_superres.io import read_series
    from dsc_superres.pipeline.masks import find_mask

    random = Random(seed)
    name = random.choice(("mask.nii", "mask.nii.gz", "mask.nrrd"))
    raw = samples()[name][name]
    lay(folder, {**samples()["scan.nii"], name: (odd_nrrd if name == "mask.nrrd" else odd_nifti)(random, raw)})
    series = read_series(folder / "scan.nii")
    return unchanged(folder, lambda: refused_or_done(lambda: find_mask(str(folder / name), series)))


def sidecar_case(seed: int, folder: Path) -> str:
    random = Random(seed)
    name = random.choice(("scan.nii", "scan.seq.nrrd"))
    files = dict(samples()[name])
    value = {
        **json.loads(files["scan.json"]),
        "RepetitionTime": 1.5,
        "VolumeTiming": [0, 1.5, 3, 4.5],
        "SliceTiming": [0, 1],
    }
    if random.random() < 0.5:
        value.pop("FrameTimes")
    files["scan.json"] = json_text(random, with_odd_values(random, value))
    lay(folder, files)
    return _read_as_series(folder / name)


def place_case(seed: int, folder: Path) -> str:
    """Pipes, sockets, folders, loops of links and endless names where a file should be."""
    random = Random(seed)
    name = random.choice(("scan.nii", "scan.nii.gz", "scan.seq.nrrd", "scan.nrrd", "scan", "scan.dcm"))
    path = folder / name
    kind = random.choice(("pipe", "folder", "loop", "device", "long", "nested", "zero", "sidecar pipe", "surrogate"))
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        os.mkfifo(path / "IM0001")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "device":
        path.symlink_to(random.choice(("/dev/zero", "/dev/tty", "/dev/stdin")))
    elif kind == "long":
        path = folder / (random.choice(("a", "ä", "\n")) * random.choice((256, 5000)) + name)
    elif kind == "nested":
        path = folder / "/".join(["x"] * 3000) / name
    elif kind == "zero":
        path = folder / random.choice(("a\x00b.nii", "", ".", "..", "~nobody/scan.nii"))
    elif kind == "surrogate":
        path = folder / f"\udcff{name}"
    else:
        lay(folder, {"scan.nii": samples()["scan.nii"]["scan.nii"]})
        os.mkfifo(folder / "scan.json")
        path = folder / "scan.nii"
    before = contents(folder)
    found = refused_or_done_command("info", path)
    return found or ("" if contents(folder) == before else "left files")


ATTACKS = [
    (attack_of("damaged NIfTI series", nifti_case, samples), 0.2),
    (attack_of("damaged NRRD series", nrrd_case, samples), 0.2),
    (attack_of("damaged masks", mask_case, samples), 0.1),
    (attack_of("damaged sidecars", sidecar_case, samples), 0.1),
    (attack_of("what is no file", place_case, samples), 0.02),
]
