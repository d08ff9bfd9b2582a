"""Paths that meet: every output in the place of an input, of a file that belongs to one, or of another output.

By any spelling: links, hard links, detours. In half of the cases temporary entries lie there that somebody made up, to
have files moved or removed. Inputs and files of others keep their bytes, whether the command is refused or done.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path

from harness import Attack, attack_of, command, contents

from dsc_superres.utils.partial_entries import new_name, state_of

INPUTS = ("a.nii", "b.nii", "in.seq.nrrd", "mask.nii.gz", "aif.csv", "own.safetensors")
BELONG = ("a.json", "b.json", "in.json", "own.json")
OTHERS = (
    "notes.json",
    "other.nii",
    "other.json",
    "table.csv",
    "picture.png",
    "pipe",
    "folder/precious.txt",
    "maps/mask.nii.gz",
)
"""What this software did not write, or not as results."""
NEARLY = (".commit.json", "fine.nii", "notes.nii.gz", "own.nii", "in.nii.gz", ".", "folder", "maps")
"""New files whose sidecar is there already, and folders that hold something."""
COMMANDS = (
    "compare a.nii b.nii --json {}",
    "compare a.nii b.nii --difference {}",
    "compare a.nii b.nii --mask mask.nii.gz --json {} --difference {}",
    "undersample a.nii {}",
    "reconstruct a.nii {} --model linear --time 1",
    "reconstruct in.seq.nrrd {} --model linear --time 1 --no-maps",
    "reconstruct a.nii {} --model own.safetensors --time 1 --uncertainty-file {}",
    "maps a.nii {} --mask mask.nii.gz --method csvd",
    "maps a.nii {} --aif aif.csv --method csvd",
    "run job.json",
)


def case(seed: int, folder: Path) -> str:
    """A command whose outputs are drawn from what is there; what it may not touch must be as before."""
    rng = random.Random(seed)
    _write_files(folder)
    former = Path.cwd()
    os.chdir(folder)
    try:
        words = rng.choice(COMMANDS)
        outputs = [_output(rng) for _ in range(words.count("{}"))]
        if words == "run job.json":
            _write_job(rng)
        if rng.random() < 0.5:
            _write_forged(rng, folder)
        before = _lasting(folder)
        for output in outputs:
            words = words.replace("{}", output, 1)
        code, message = command(*words.split())
    finally:
        os.chdir(former)
    if code not in (0, 2):
        return f"exit code {code} of {words}: {message.strip()[-150:]}"
    if code == 2 and len(message.strip().splitlines()) != 1 and "usage:" not in message:
        return f"more than a sentence of {words}: {message.strip()[-150:]}"
    after = _lasting(folder)
    lost = sorted(name for name, content in before.items() if after.get(name, 0) != content)
    if lost:
        return f"{words} lost {', '.join(lost)}"
    if code == 2 and set(after) != set(before):
        return f"{words} was refused, but left {', '.join(sorted(set(after) - set(before)))}"
    return ""


def _lasting(folder: Path) -> dict[str, bytes | None]:
    """Everything but temporary entries, which the next run may remove."""
    return {name: content for name, content in contents(folder).items() if not any(map(state_of, Path(name).parts))}


def _write_forged(rng: random.Random, folder: Path) -> None:
    """Temporary entries that no process of ours has left."""
    for state in ("commit", "part", "old"):
        entry = folder / new_name(state, rng.choice(("", "a.nii", "notes.json")))
        entry.mkdir()
        journal = {
            "others": rng.choice(([], [str(folder / "folder")], [str(folder / "maps")], "x", [3])),
            "gone": rng.choice(([], ["a.nii", "notes.json"], ["../x"], None)),
            "names": [],
            "first": str(folder / "folder"),
            "inode": rng.choice((1, folder.stat().st_ino, None)),
        }
        (entry / ".commit.json").write_text(json.dumps(journal))
        os.utime(entry, (1e9, 1e9))


def _output(rng: random.Random) -> str:
    """A path that exists or nearly does, in one of its spellings."""
    name = rng.choice((*INPUTS, *BELONG, *OTHERS, *NEARLY))
    way = rng.randrange(6)
    if way == 1:
        return f"./folder/../{name}"
    if way == 2:
        return str(Path(name).absolute())
    if way in (3, 4) and Path(name).is_file():
        link = f"link{rng.randrange(1000)}{''.join(Path(name).suffixes)}"
        (os.symlink if way == 3 else os.link)(name, link)
        return link
    if way == 5 and Path(name).is_file():
        return f"{name}.nii"  # whose sidecar is NAME.json of NAME, where that ends in .json
    return name


def _write_job(rng: random.Random) -> None:
    tasks = (
        {"task": "reconstruct", "input": "a.nii", "output": _output(rng), "model": "linear", "time": 1},
        {"task": "reconstruct", "input": "a.nii", "output": "job.nii", "model": "linear", "time": 1},
        {"task": "compare", "input": "a.nii", "output": _output(rng), "model": "linear", "maps": False},
        {"task": "maps", "inputs": {"input": "a.nii", "truth": "b.nii"}, "output": _output(rng), "method": "csvd"},
        {"task": "open", "input": "a.nii", "output": _output(rng)},
        {"task": "export", "output": _output(rng), "files": "folder", "replace": rng.random() < 0.5},
    )
    Path("job.json").write_text(json.dumps(rng.choice(tasks)))


def _write_files(folder: Path) -> None:
    """Small inputs of all kinds, and files of others beside them."""
    import numpy as np

    from dsc_superres.geometry import Geometry
    from dsc_superres.io import write_series, write_volume
    from dsc_superres.series import Series

    for sub in ("folder", "maps"):
        (folder / sub).mkdir()
    times = 1.5 * np.arange(12)
    bolus = np.exp(-3.0 * np.exp(-((times - 9) ** 2) / 6))[:, None, None, None]
    signal = (400 * bolus + np.random.default_rng(1).normal(0, 2, (12, 1, 12, 10))).astype(np.float32)
    series = Series(signal, times=times, echo_time=0.03)
    for name in ("a.nii", "b.nii", "in.seq.nrrd"):
        write_series(series, folder / name)
        (folder / f"{name.split('.')[0]}.json").write_text('{"EchoTime": 0.03, "RepetitionTime": 1.5}')
    for name in ("mask.nii.gz", "maps/mask.nii.gz"):
        write_volume(np.ones((1, 12, 10), np.uint8), Geometry(), folder / name)
    for image in folder.rglob("*.n*"):  # as if they were of others
        packed = image.suffix == ".gz"
        content = gzip.decompress(image.read_bytes()) if packed else image.read_bytes()
        content = content.replace(b"DSCSuperRes", b"SomeoneElse")
        image.write_bytes(gzip.compress(content) if packed else content)
    (folder / "aif.csv").write_text("time_s,delta_r2star\n" + "".join(f"{t},{max(t - 5, 0)}\n" for t in times))
    (folder / "own.safetensors").write_bytes(b"weights")
    (folder / "own.json").write_text('{"sha256": "of a card"}')
    (folder / "notes.json").write_text('{"notes": "mine"}')
    (folder / "fine.json").write_text("[1, 2]")
    (folder / "other.nii").write_bytes(b"\x5c\x01" + bytes(400))
    (folder / "other.json").write_text('{"EchoTime": 0.03}')
    (folder / "table.csv").write_text("a,b\n1,2\n")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    os.mkfifo(folder / "pipe")
    (folder / "folder" / "precious.txt").write_text("precious")
    (folder / "folder" / "provenance.json").write_text('{"of": "somebody else"}')


ATTACKS: list[tuple[Attack, float]] = [(attack_of("outputs in the place of inputs and of others' files", case), 0.05)]
"""Each attack with its share of the cases."""
