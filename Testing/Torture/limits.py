"""Full disks, little memory, small files and closed streams: a sentence, the former state, and nothing left.

Limits are those of the system (``setrlimit``) for a process of its own; a full disk is a temporary folder or an output
folder in which nothing more can be allocated.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness import Attack, contents, one_sentence
from in_turn import attack_in_turn

PATIENCE = 600.0
FULL = """
import errno, os, sys
step, last = sys.argv[1], int(sys.argv[2])
real, count = getattr(os, step), 0
def full(*arguments, **options):
    global count
    count += 1
    if count >= last:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return real(*arguments, **options)
setattr(os, step, full)
sys.argv = sys.argv[3:]
from dsc_superres.MODULE import main
sys.exit(main(sys.argv))
"""


def limited(seed: int, folder: Path) -> str:
    """A command or a job whose process may have only so much memory, or files of only so many bytes."""
    rng = random.Random(seed)
    words, module = _work(rng, folder)
    kind, most = rng.choice(((resource.RLIMIT_AS, 2_200e6), (resource.RLIMIT_FSIZE, 3e5)))
    limit = int(most * rng.uniform(0.05, 1.0))

    def restrict() -> None:
        resource.setrlimit(kind, (limit, limit))

    return _run_and_look(folder, [sys.executable, "-m", module, *words], module, restrict)


def full_disk(seed: int, folder: Path) -> str:
    """A disk that has no more room at one of the steps that need some."""
    rng = random.Random(seed)
    words, module = _work(rng, folder)
    step, last = rng.choice(("fsync", "mkdir", "posix_fallocate")), rng.randint(1, 6)
    code = FULL.replace("MODULE", "worker.process" if "worker" in module else "cli")
    return _run_and_look(folder, [sys.executable, "-c", code, step, str(last), *words], module, None)


def closed_streams(seed: int, folder: Path) -> str:
    """Standard streams that are closed, full, or led to where nobody reads; finished work is no failure."""
    rng = random.Random(seed)
    words, _module = _work(rng, folder, programs=("file", "folder"))
    streams = " ".join(rng.sample(("<&-", ">&-", "2>&-", "<&- >&-"), rng.randint(1, 2)))
    line = f'"$0" -m dsc_superres "$@" {streams}'
    done = subprocess.run(["sh", "-c", line, sys.executable, *words], capture_output=True, timeout=PATIENCE)
    out = [name for name in contents(folder) if name.startswith("out/")]
    if done.returncode or not out:
        return f"exit code {done.returncode} with {streams}, {len(out)} files: {done.stderr.decode()[-150:]}"
    return ""


def _work(
    rng: random.Random, folder: Path, programs: tuple[str, ...] = ("file", "folder", "worker")
) -> tuple[list[str], str]:
    """Inputs, and what is to be done with them, as words of a command and its module."""
    import numpy as np

    from dsc_superres.io import write_series
    from dsc_superres.series import Series

    (folder / "in").mkdir()
    values = np.random.default_rng(seed=1).uniform(100, 900, (6, 2, 24, 20)).astype(np.float32)
    write_series(Series(values, times=1.5 * np.arange(6), echo_time=0.03), folder / "in" / "scan.nii.gz")
    scan, out = folder / "in" / "scan.nii.gz", folder / "out"
    program = rng.choice(programs)
    if program == "file":
        out.mkdir()
        return ["reconstruct", str(scan), str(out / "fine.nii"), "--model", "linear"], "dsc_superres"
    if program == "folder":
        return ["reconstruct", str(scan), str(out), "--model", "linear", "--no-maps"], "dsc_superres"
    job = {"task": "reconstruct", "input": str(scan), "output": "out", "model": "linear", "maps": False}
    (folder / "job.json").write_text(json.dumps(job))
    return ["--job", str(folder / "job.json")], "dsc_superres.worker"


def _run_and_look(folder: Path, command: list[str], module: str, restrict: Callable[[], None] | None) -> str:
    before = contents(folder)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=restrict,
    )
    output = process.stdout.read().decode(errors="replace")
    error = process.stderr.read().decode(errors="replace")
    code = process.wait(PATIENCE)
    if code == 0:
        return ""
    if code not in (2, 3):
        return f"exit code {code}: {error.strip()[-200:]}"
    if contents(folder) != before:
        return f"left or changed: {', '.join(sorted({*contents(folder)} ^ {*before})) or 'bytes of a file'}"
    if "worker" in module:
        last = json.loads(output.splitlines()[-1]) if output.strip() else {}
        return one_sentence(last.get("message", "")) if last.get("type") == "error" else "no error line"
    return one_sentence(error.strip().splitlines()[-1] if error.strip() else "")


ATTACKS: list[tuple[Attack, float]] = [
    (attack_in_turn("little memory and small files", limited), 0.003),
    (attack_in_turn("full disks", full_disk), 0.003),
    (attack_in_turn("closed streams", closed_streams), 0.002),
]
"""Each attack with its share of the cases: a whole command takes seconds."""
