"""The tables of docs/command-line.md that list options and job fields, from the parser and the job types themselves.

``python Testing/Core/option_tables.py --write`` writes them anew; the package must be importable.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsc_superres.cli.parser import build_parser
from dsc_superres.jobs.export_types import ExportJob, Record, Records
from dsc_superres.jobs.types import CompareJob, MapsJob, OpenJob, ReconstructJob
from dsc_superres.pipeline.case_options import default_of, options_of, required_options
from dsc_superres.pipeline.checks import Check, File, NameOrFile, Number

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/command-line.md"
COMMANDS = ("reconstruct", "maps", "batch", "demo")
PATHS = ("input", "inputs", "output")
FORMER = ("--deviation",)
"""Spellings that are still read but not taught."""
CODE = re.compile(r"(?<![\w`-])(--[a-z-]+|\.npy|\.safetensors|[a-z]+\.(?:json|html|npy))(?![\w`])")
"""What is set in code letters in an option's words."""


def tables() -> dict[str, str]:
    """All tables by their marks."""
    return {
        "command-options": _table(("option", "commands", "meaning"), _command_rows()),
        "job-fields": _table(("field", "tasks", "value", "meaning", "default"), _shared_rows()),
        "export-fields": _table(("field", "value", "meaning", "default"), _rows(ExportJob)),
        "open-fields": _table(("field", "value", "meaning", "default"), _rows(OpenJob)),
    }


def with_tables(text: str) -> str:
    """``text`` with today's tables between their marks."""
    for mark, table in tables().items():
        place = re.compile(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", re.DOTALL)
        text = place.sub(lambda _, table=table: table, text)
    return text


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = (titles, *rows)
    head, *body = (f"| {' | '.join(line)} |\n" for line in lines)
    return "".join((head, "|" + "---|" * len(titles) + "\n", *body))


def _command_rows() -> Iterator[tuple[str, ...]]:
    commands = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)).choices
    users: dict[tuple[str, str], list[str]] = {}
    for command in COMMANDS:
        for action in commands[command]._actions:
            if action.option_strings and action.dest != "help":
                users.setdefault((_spelled(action), _prose(action.help)), []).append(command)
    for (option, meaning), found in users.items():
        yield option, "all" if len(found) == len(COMMANDS) else ", ".join(found), meaning


def _spelled(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings if name not in FORMER)
    if action.nargs == 0:
        return names
    values = action.metavar if isinstance(action.metavar, tuple) else (action.metavar or "|".join(action.choices),)
    value = " ".join(values) + (" ..." if action.nargs in ("+", "*") else "")
    return f"{names} `{_escaped(f'[{value}]' if action.nargs == '?' else value)}`"


def _shared_rows() -> Iterator[tuple[str, ...]]:
    users: dict[tuple[str, ...], list[str]] = {}
    for job_type in (ReconstructJob, CompareJob, MapsJob):
        for row in _rows(job_type):
            users.setdefault(row, []).append(job_type.task)
    # Where a job reads and writes comes first.
    for (name, *rest), found in sorted(users.items(), key=lambda item: item[0][0].strip("`") not in PATHS):
        yield name, "all" if len(found) == 3 else ", ".join(found), *rest


def _rows(job_type: type, inside: str = "") -> Iterator[tuple[str, ...]]:
    """Field, value, meaning and default of each option; those of an option made of options follow it."""
    for name, option in options_of(job_type).items():
        default = "required" if name in required_options(job_type) else _default(default_of(job_type, name))
        if isinstance(option.check, Record):
            several = isinstance(option.check, Records)
            yield f"`{inside}{name}`", "a list of objects" if several else "an object", _prose(option.words), default
            yield from _rows(option.check.kind, f"{inside}{name}{'[]' if several else ''}.")
        else:
            yield f"`{inside}{name}`", _wish(option.check), _prose(option.words), default


def _default(value: Any) -> str:
    return "" if value in (None, ()) else f"`{json.dumps(value)}`"


def _wish(check: Check) -> str:
    if isinstance(check, NameOrFile):
        return "a name or a path"
    if isinstance(check, File):
        return "a path"
    if isinstance(check, Number) and check.least and math.isfinite(check.most):
        return f"a number from {check.least:g} to {check.most:g}"
    return _escaped(check.wish)


def _prose(words: str) -> str:
    return CODE.sub(r"`\1`", _escaped(words))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    before = DOCUMENT.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(with_tables(before), encoding="utf-8")
    else:
        print(*tables().values(), sep="\n")
