"""A progress bar on standard error; standard output stays clean for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dsc_superres.utils.progress import Progress


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Yield a progress callback that moves a bar; nothing is shown if standard error is not a terminal."""
    from tqdm import tqdm

    layout = "{desc:<34.34} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=title, bar_format=layout, disable=None, leave=False) as bar:

        def report(fraction: float, stage: str) -> None:
            with suppress(OSError):  # the terminal may be gone
                bar.set_description_str(stage, refresh=False)
                bar.update(max(fraction - bar.n, 0.0))
                bar.refresh()

        yield report
