"""Ended processes: command line, worker and batch, by SIGKILL, SIGTERM and SIGINT.

At random moments, and at a random one of their renames, flushes and new folders. Whatever happens, inputs stay as they
are, a result is the former one or the new one as a whole, and after the next run nothing else is left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness import Attack, contents
from in_turn import attack_in_turn

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STEPS = ("rename", "replace", "fsync", "mkdir")
PATIENCE = 600.0
"""Seconds after which a process that was asked to end hangs."""

ENDING = """
import os, signal, sys
number, wanted, last = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
real, count = getattr(os, wanted), 0
def step(*arguments, **options):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), number)
    return real(*arguments, **options)
setattr(os, wanted, step)
sys.argv = sys.argv[4:]
"""
COMMAND = f"{ENDING}\nfrom dsc_superres.cli import main\nsys.exit(main(sys.argv))"
WORKER = f"{ENDING}\nfrom dsc_superres.worker.process import main\nsys.exit(main(sys.argv))"


def at_step(seed: int, folder: Path) -> str:
    rng = random.Random(seed)
    words, program = _work(rng, folder)
    number, step, last = rng.choice(SIGNALS), rng.choice(STEPS), rng.randint(1, 8)
    code = WORKER if program == "worker" else COMMAND
    first = [sys.executable, "-c", code, str(int(number)), step, str(last), *words]
    return _end_and_look(folder, first, words, program, None)


def at_moment(seed: int, folder: Path) -> str:
    rng = random.Random(seed)
    words, program = _work(rng, folder)
    first = [sys.executable, "-m", f"dsc_superres{'.worker' if program == 'worker' else ''}", *words]
    return _end_and_look(folder, first, words, program, (rng.choice(SIGNALS), rng.uniform(0.05, 4.5)))


def in_commit(seed: int, folder: Path) -> str:
    """A child writes a series over a former one and ends itself; the next process sees one or the other."""
    from dsc_superres.io import read_series, write_series
    from dsc_superres.utils.commits import clean_up_after_the_dead

    rng = random.Random(seed)
    suffix = rng.choice((".nii", ".nii.gz", ".seq.nrrd"))
    target = folder / f"fine{suffix}"
    former, new = _series(1, 0.03), _series(2, 0.05)
    write_series(former, target)
    child = os.fork()
    if child == 0:
        step, last, real, done = rng.choice(STEPS), rng.randint(1, 6), {}, [0]
        real = getattr(os, step)

        def ended(*arguments, **options):
            done[0] += 1
            if done[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, step, ended)
        try:
            write_series(new, target)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    for _ in range(2):
        found = read_series(target)
        value, echo_time = found.signal.flat[0], found.echo_time
        if echo_time is not None and (value, echo_time) not in ((1, 0.03), (2, 0.05)):
            return f"an image of {value:g} with the echo time {echo_time:g} s of the other"
        clean_up_after_the_dead(folder)
    if echo_time is None:
        return "an image without its sidecar after the next run"
    left = sorted(path.name for path in folder.iterdir())
    return "" if left == ["fine.json", target.name] else f"left: {', '.join(left)}"


def _series(value: float, echo_time: float):
    import numpy as np

    from dsc_superres.series import Series

    return Series(np.full((3, 2, 4, 5), value, np.float32), times=[0, 1.5, 3.0], echo_time=echo_time)


def _work(rng: random.Random, folder: Path) -> tuple[list[str], str]:
    """Inputs, in half of the cases earlier results, and a command or job to be ended."""
    _write_input(folder / "in", rng)
    program = rng.choice(("reconstruct", "file", "undersample", "worker", "batch"))
    out = folder / "out"
    if program == "reconstruct":
        words = ["reconstruct", str(folder / "in" / "scan.nii.gz"), str(out), "--model", "linear", "--no-maps"]
    elif program == "file":
        out.mkdir()
        words = ["reconstruct", str(folder / "in" / "scan.nii.gz"), str(out / "fine.nii"), "--model", "linear"]
    elif program == "undersample":
        out.mkdir()
        words = ["undersample", str(folder / "in" / "scan.nii.gz"), str(out / "coarse.nii.gz")]
    elif program == "batch":
        words = ["batch", str(folder / "in"), "--out", str(out), "--model", "linear", "--no-maps"]
    else:
        job = {"task": "reconstruct", "input": "in/scan.nii.gz", "output": "out", "model": "linear", "maps": False}
        (folder / "job.json").write_text(json.dumps(job))
        words = ["--job", str(folder / "job.json")]
    if rng.random() < 0.5:
        _run_to_end(words, program)
        _write_input(folder / "in", rng)  # results of today differ from the former ones
    return words, program


def _write_input(folder: Path, rng: random.Random) -> None:
    import numpy as np

    from dsc_superres.io import write_series
    from dsc_superres.series import Series

    folder.mkdir(exist_ok=True)
    signal_ = np.random.default_rng(rng.randrange(2**32)).uniform(100, 900, (6, 2, 24, 20)).astype(np.float32)
    write_series(Series(signal_, times=1.5 * np.arange(6), echo_time=0.03), folder / "scan.nii.gz")


def _command(words: Sequence[str], program: str) -> list[str]:
    return [sys.executable, "-m", f"dsc_superres{'.worker' if program == 'worker' else ''}", *words]


def _run_to_end(words: Sequence[str], program: str) -> tuple[int, str]:
    process = _start(_command(words, program))
    output, error = process.communicate(timeout=PATIENCE) if program != "worker" else _wait_for_worker(process)
    return process.returncode, (error or output).decode(errors="replace")


def _start(command: Sequence[str]) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def _wait_for_worker(process: subprocess.Popen) -> tuple[bytes, bytes]:
    """Its output; standard input stays open until it has ended, because its end would cancel the work."""
    output = process.stdout.read()
    process.wait(PATIENCE)
    return output, process.stderr.read()


def _end_and_look(
    folder: Path,
    command: Sequence[str],
    words: Sequence[str],
    program: str,
    at: tuple[signal.Signals, float] | None,
) -> str:
    former = contents(folder)
    process = _start(command)
    if at is not None:
        time.sleep(at[1])
        process.send_signal(at[0])
    try:
        _output, error = process.communicate(timeout=PATIENCE) if program != "worker" else _wait_for_worker(process)
    except subprocess.TimeoutExpired:
        process.kill()
        return "hangs"
    if b"Traceback" in error and b"resource_tracker" not in error:
        return f"a traceback: {error.decode(errors='replace')[-150:]}"
    code = process.returncode
    said_so = b"ended the work (SIGKILL)" in error  # by the process that supervises the work
    if code not in (0, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT) and not said_so:
        return f"exit code {code}: {error.decode(errors='replace')[-150:]}"
    ended = contents(folder)
    if found := _changed_inputs(former, ended):
        return found
    if code in (130, 143) and ended != former and program != "batch":  # which may have finished a case before
        return f"says that it was ended, but left {', '.join(_differing(former, ended))}"
    code, error = _run_to_end(words, program)
    if code != 0:
        return f"the next run fails with exit code {code}: {error[-150:]}"
    after = contents(folder)
    if found := _changed_inputs(former, after):
        return found
    left = [name for name in after if ".part" in name or ".commit" in name or ".old" in name]
    if left:
        return f"left after the next run: {', '.join(left)}"
    return ""


def _changed_inputs(former: dict[str, bytes | None], now: dict[str, bytes | None]) -> str:
    changed = [name for name in _differing(former, now) if name.startswith(("in/", "job.json"))]
    return f"changed: {', '.join(changed)}" if changed else ""


def _differing(former: dict[str, bytes | None], now: dict[str, bytes | None]) -> list[str]:
    return sorted(name for name in {*former, *now} if former.get(name, 0) != now.get(name, 0))


ATTACKS: list[tuple[Attack, float]] = [
    (attack_in_turn("ended at a random moment", at_moment), 0.01),
    (attack_in_turn("ended at a rename, flush or new folder", at_step), 0.01),
    (attack_in_turn("ended within a commit", in_commit, at_once=1), 0.02),
]
"""Each attack with its share of the cases: a whole command takes seconds."""
