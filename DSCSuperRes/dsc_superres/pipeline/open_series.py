"""A file's series as plain arrays, for a program that must not wait for it: ``python -m dsc_superres.unpack IN OUT``.

Speaks the worker's protocol (see ``worker``). The folder OUT gets ``signal.npy``, float32[t, z, y, x]; the result line
says the rest: {"type": "result", "file", "times", "has_times", "echo_time", "sources", "geometry", "scalar_type"}.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np

from dsc_superres.errors import DSCError
from dsc_superres.worker.process import BAD_INPUT, OK, Channel


def unpack(path: Path, folder: Path) -> dict[str, object]:
    """Write the signal of the series at ``path`` into ``folder``; returns the fields of the result. As read_series."""
    from dsc_superres.io import read_series

    series = read_series(path)
    np.save(folder / "signal.npy", series.signal)
    geometry = series.geometry
    return {
        "file": "signal.npy",
        "times": series.times.tolist(),
        "has_times": series.has_times,
        "echo_time": series.echo_time,
        "sources": dict(series.sources),
        "geometry": geometry.as_dict(),
        "scalar_type": series.scalar_type.str,
    }


def main(arguments: list[str] | None = None) -> int:
    """Unpack, and send the outcome; returns the exit code."""
    path, folder = map(Path, sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    channel = Channel()
    try:
        channel.send("result", **unpack(path, folder))
    except DSCError as error:
        channel.send("error", message=str(error), kind=type(error).__name__)
        return BAD_INPUT
    return OK


if __name__ == "__main__":
    sys.exit(main())
