"""The options of job types as arguments of a command line, and back. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from dsc_superres.errors import DSCError
from dsc_superres.pipeline.case_options import Option, default_of, options_of
from dsc_superres.pipeline.checks import Check, Choice, Flag, FlagOrFile, JobError

Arguments = argparse.ArgumentParser | argparse._ArgumentGroup


def add_options(
    parser: argparse.ArgumentParser, job_type: type, *, leave_out: Collection[str] = (), folders_only: bool = False
) -> None:
    """Add every option of ``job_type``, except those that the command names otherwise (``leave_out``).

    Where results always go into folders (``folders_only``), there is no file of its own for the uncertainty.
    """
    for name, option in options_of(job_type).items():
        if name not in leave_out:
            _add(parser, name, option, default_of(job_type, name), folders_only)


def job_options(arguments: argparse.Namespace, job_type: type) -> dict[str, Any]:
    """The options of ``job_type`` that the command line sets."""
    chosen = {name: getattr(arguments, name) for name in options_of(job_type) if hasattr(arguments, name)}
    return {name: value for name, value in chosen.items() if value is not None}


def refuse_options(arguments: argparse.Namespace, other: type, job_type: type) -> None:
    """Raise ``JobError`` where the command line sets an option that only ``other`` jobs have."""
    for name in set(options_of(other)) - set(options_of(job_type)):
        if getattr(arguments, name, None) not in (None, default_of(other, name)):
            raise JobError(f'The option "{name}" belongs to the task "{other.task}", not to "{job_type.task}".')


def _add(parser: Arguments, name: str, option: Option, default: Any, folders_only: bool) -> None:
    spellings = (f"--{name.replace('_', '-')}", *option.aliases)
    if isinstance(option.check, Flag):
        switch = argparse.BooleanOptionalAction if default else "store_true"
        parser.add_argument(*spellings, dest=name, action=switch, default=default, help=_words(option, default))
        return
    if isinstance(option.check, FlagOrFile):
        # Two arguments, because a value that may be left out would take the next word of the command line.
        parser.add_argument(spellings[0], dest=name, action="store_true", default=default, help=_words(option, default))
        if folders_only:
            return
        spellings = (f"{spellings[0]}-file", *option.aliases)
        option = replace(option, words="the same, into this file")
    settings = {"dest": name, "default": default, "help": _words(option, default), "metavar": option.check.metavar}
    if option.check.nargs not in (None, "?"):
        settings["nargs"] = option.check.nargs
        if option.check.nargs == 2:
            settings["metavar"] = (option.check.metavar, option.check.metavar)
    parser.add_argument(*spellings, type=_converter(name, option.check), **settings)


def _converter(name: str, check: Check) -> Callable[[str], Any]:
    """From a word of the command line to a value; where a value is several words, the job checks them together."""

    def convert(word: str) -> Any:
        value = check.parse(word)
        if check.nargs not in (None, "?"):
            return value
        try:
            return check(name, value)
        except DSCError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def _words(option: Option, default: Any) -> str:
    if isinstance(option.check, Flag) or default in (None, (), False) or "(default" in option.words:
        return option.words
    choices = f": {', '.join(option.check.allowed)}" if isinstance(option.check, Choice) else ""
    return f"{option.words}{choices} (default: {default})"
