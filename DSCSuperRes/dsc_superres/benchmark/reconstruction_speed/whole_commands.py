"""What a user waits for: whole commands on a digital patient, from file to file, with their peak memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dsc_superres.errors import DSCError
from dsc_superres.io import write_series
from dsc_superres.models import DEFAULT_MODEL
from dsc_superres.phantom import digital_patient

SEED = 2000
FACTORS = ("--space", "2", "--time", "4")
LAUNCHER = """
import subprocess, sys
code = subprocess.call([sys.executable, *sys.argv[1:]])
try:
    from resource import RUSAGE_CHILDREN, getrusage
    print(getrusage(RUSAGE_CHILDREN).ru_maxrss)
except ImportError:
    print(0)
sys.exit(code)
"""
"""A small process that starts the command: the peak memory of a child is at least that of its parent as it starts."""
IMPORTS = "import torch, dsc_superres.networks, dsc_superres.perfusion, dsc_superres.io"


def whole_commands(
    slices: int, frames: int, matrix: int, suffixes: Sequence[str] = (".seq.nrrd", ".nii.gz")
) -> list[dict[str, object]]:
    """Reconstruct 2 x 2 x 4 and map a patient of this size; return command, seconds and peak memory above the imports.

    Memory is in MiB, mapped files included; None where the system does not tell that of a process that has ended.
    Raises ``DSCError`` where a command fails.
    """
    with tempfile.TemporaryDirectory(prefix="dsc-superres-") as temporary:
        folder = Path(temporary)
        patient = digital_patient(SEED, slices=slices, frames=frames, matrix=matrix)
        write_series(patient.series, folder / "coarse.nii.gz")
        _, imports = _run(["-c", IMPORTS], folder)
        rows = []
        for number, suffix in enumerate(suffixes):
            fine = f"fine{number}{suffix}"
            commands = {
                f"`reconstruct` by {DEFAULT_MODEL}, to `{suffix}`": ["reconstruct", "coarse.nii.gz", fine, *FACTORS],
                f"`maps` of that `{suffix}`": ["maps", fine, f"maps{number}"],
            }
            for title, command in commands.items():
                seconds, peak = _run(["-m", "dsc_superres", *command], folder)
                memory = None if peak is None else peak - imports
                rows.append({"command": title, "seconds": seconds, "peak_memory_mib": memory})
        return rows


def _run(arguments: Sequence[str], folder: Path) -> tuple[float, float | None]:
    """Return the seconds that Python took in a ``folder``, and its peak memory in MiB, that of its children included.

    Raises ``DSCError`` where it fails.
    """
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *arguments], cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        raise DSCError(f"A command of the benchmark failed: {done.stderr.strip()}")
    peak = int(done.stdout.split()[-1])
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, peak * unit / 2**20 if peak else None
