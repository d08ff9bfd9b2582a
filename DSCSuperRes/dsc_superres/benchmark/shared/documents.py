"""Destinations of a benchmark's tables: between the marks of a document, and a folder."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dsc_superres.errors import FileError


def add_destinations(parser: argparse.ArgumentParser, name: str, mark: str | None = None) -> None:
    """Add the options of ``deliver``: --into, --mark and --out."""
    parser.add_argument("--into", type=Path, help="Markdown file to insert the tables into")
    parser.add_argument(
        "--mark", default=mark or name, help="insert them between <!-- MARK --> and <!-- /MARK --> (%(default)s)"
    )
    parser.add_argument("--out", type=Path, help=f"folder for {name}.md and {name}.json")


def deliver(name: str, text: str, records: list[dict], options: argparse.Namespace) -> None:
    """Write tables to the destinations ``--into`` and ``--out``, if given."""
    if options.into:
        insert(options.into, options.mark, text)
    if options.out:
        from dsc_superres.utils.atomic_writing import write_text

        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / f"{name}.md", text + "\n")
        write_text(options.out / f"{name}.json", json.dumps(records, indent=1))


def insert(document: Path, mark: str, text: str) -> None:
    """Put ``text`` between the comments ``<!-- mark -->`` and ``<!-- /mark -->`` of a Markdown document."""
    from dsc_superres.utils.atomic_writing import write_text

    old = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if begin not in old or end not in old:
        raise FileError(f"{document.name} has no marks {begin} and {end} to put the table between.")
    write_text(document, old[: old.index(begin) + len(begin)] + f"\n{text}\n" + old[old.index(end) :])
