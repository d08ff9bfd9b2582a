"""Checks of single option values: from a decoded JSON value or the text of a command line to what the work uses.

Each check refuses with one sentence that names the option. Imports nothing heavy: the command line is built of them.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_superres.errors import DSCError
from dsc_superres.utils.small_files import shown

if TYPE_CHECKING:
    from dsc_superres.geometry import Geometry


LONGEST_PATH = 4000
LONGEST_NAME = 255
"""Characters of a path, and bytes of the name of a file or folder, that file systems take."""


class JobError(DSCError):
    """The job cannot be done as it is described."""


MOST_FRAMES = 100_000
"""That a range of frames may have: more is a slip of the hand."""


class Check:
    """One kind of value. Subclasses state the ``wish`` that error messages quote, and check in ``convert``.

    metavar  what help texts call the value
    nargs    how many words of a command line make one value (as in argparse)
    """

    wish = "a value"
    metavar = "VALUE"
    nargs: int | str | None = None

    def __call__(self, name: str, value: Any) -> Any:
        """The checked value of the option ``name``. Raises ``JobError``."""
        try:
            return self.convert(name, value)
        except (TypeError, ValueError, OverflowError) as error:
            wish = error.wish if isinstance(error, Unmet) else self.wish
            raise JobError(f'The option "{name}" must be {wish}, not {shown(value)}.') from error

    def convert(self, name: str, value: Any) -> Any:
        """The value, or ``TypeError`` or ``ValueError`` for one that is not of this kind."""
        raise NotImplementedError

    def parse(self, word: str) -> Any:
        """One word of a command line as the JSON value that it stands for."""
        return word


class Unmet(ValueError):
    """A value that is of the right kind but does not meet a ``wish`` of its own."""

    def __init__(self, wish: str) -> None:
        super().__init__(wish)
        self.wish = wish


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


class Text(Check):
    """A text that is not empty."""

    wish = "a text"
    metavar = "TEXT"

    def __init__(self, metavar: str = "TEXT") -> None:
        self.metavar = metavar

    def convert(self, name: str, value: Any) -> str:
        _require(isinstance(value, str) and bool(value))
        return value


class File(Text):
    """A path; where a name will do as well (``names``), only an existing file becomes one (see ``read_job``)."""

    metavar = "FILE"

    def __init__(self, metavar: str = "FILE") -> None:
        super().__init__(metavar)

    def convert(self, name: str, value: Any) -> Path:
        return Path(possible_path(super().convert(name, str(value) if isinstance(value, Path) else value)))


class NameOrFile(Text):
    """A name, or the path of a file: a text either way."""

    def convert(self, name: str, value: Any) -> str:
        return possible_path(super().convert(name, value))


def possible_path(text: str) -> str:
    """Return ``text``; raise ``Unmet`` where no file system could have a file of that name."""
    if "\0" in text or any("\ud800" <= letter <= "\udbff" for letter in text):
        raise Unmet("the name of a file")
    if len(text) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in Path(text).parts):
        raise Unmet(f"the name of a file, at most {LONGEST_PATH} characters and {LONGEST_NAME} per folder")
    return text


class Number(Check):
    """A positive, finite number."""

    wish = "a positive number"

    def __init__(self, metavar: str = "X", least: float | None = None, most: float = math.inf) -> None:
        self.metavar = metavar
        self.least = least
        self.most = most

    def convert(self, name: str, value: Any) -> float:
        _require(not isinstance(value, bool) and isinstance(value, int | float) and 0 < float(value) < math.inf)
        if self.least is not None and value < self.least:
            raise Unmet(f"at least {self.least:g}")
        if value > self.most:
            raise Unmet(f"at most {self.most:g}")
        return value

    def parse(self, word: str) -> Any:
        try:
            return float(word)
        except ValueError:
            return word


class WholeNumber(Number):
    """A whole number of at least ``least``."""

    def __init__(self, metavar: str = "N", least: int = 0) -> None:
        super().__init__(metavar, least)
        self.wish = f"a whole number of at least {least}"

    def convert(self, name: str, value: Any) -> int:
        _require(isinstance(value, int) and not isinstance(value, bool) and value >= self.least)
        return value

    def parse(self, word: str) -> Any:
        return int(word) if word.isdecimal() else word


class Flag(Check):
    """True or false."""

    wish = "true or false"

    def convert(self, name: str, value: Any) -> bool:
        _require(isinstance(value, bool))
        return value


class FlagOrFile(Check):
    """True or false; or the file to write to, which is also true."""

    wish = "true, false or a file name"
    metavar = "FILE"
    nargs = "?"

    def convert(self, name: str, value: Any) -> bool | Path:
        return value if isinstance(value, bool) else File().convert(name, value)


class Choice(Check):
    """One of some words."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed
        self.wish = f"one of {', '.join(allowed)}"
        self.metavar = "|".join(allowed)

    def convert(self, name: str, value: Any) -> str:
        _require(value in self.allowed)
        return value


class Texts(Check):
    """A list of texts."""

    wish = "a list of texts"
    metavar = "TEXT"
    nargs = "*"

    def __init__(self, metavar: str = "TEXT") -> None:
        self.metavar = metavar

    def convert(self, name: str, value: Any) -> tuple[str, ...]:
        _require(isinstance(value, list | tuple))
        return tuple(Text()(name, item) for item in value)


class Seconds(Check):
    """A list of times in s."""

    wish = "a list of seconds"
    metavar = "S"
    nargs = "+"

    def convert(self, name: str, value: Any) -> tuple[float, ...]:
        _require(isinstance(value, list | tuple))
        _require(not any(isinstance(item, bool) or not isinstance(item, int | float) for item in value))
        return tuple(map(float, value))

    def parse(self, word: str) -> Any:
        return Number().parse(word)


class Span(Seconds):
    """Begin and end in s."""

    wish = "two times in s, the earlier one first"
    nargs = 2

    def convert(self, name: str, value: Any) -> tuple[float, float]:
        begin, end = super().convert(name, value)
        _require(begin <= end)
        return begin, end


class Frames(Check):
    """Frame numbers, counted from 0: a list of them, or numbers and ranges in words."""

    wish = "frame numbers from 0 such as 5,17-19"
    metavar = "5,17-19"

    def convert(self, name: str, value: Any) -> tuple[int, ...]:
        if isinstance(value, str):
            value = [frame for part in value.split(",") if part.strip() for frame in self._range(part)]
        _require(isinstance(value, list | tuple))
        _require(all(isinstance(frame, int) and not isinstance(frame, bool) and frame >= 0 for frame in value))
        return tuple(sorted(set(value)))

    def _range(self, words: str) -> range:
        first, _, last = words.partition("-")
        begin, end = int(first), int(last or first)
        _require(0 <= begin <= end < MOST_FRAMES)
        return range(begin, end + 1)


class Threshold(Number):
    """A share between 0 and 1, or ``adaptive``; which of them a method takes is for ``MapOptions`` to say."""

    wish = 'a positive number or "adaptive"'

    def __init__(self) -> None:
        super().__init__("X|adaptive")

    def convert(self, name: str, value: Any) -> float | str:
        return value if value == "adaptive" else super().convert(name, value)


class Voxels(Check):
    """A list of voxels (z, y, x)."""

    wish = "a list of voxels, three whole numbers (z, y, x) each"
    metavar = "Z,Y,X"
    nargs = "+"

    def convert(self, name: str, value: Any) -> tuple[tuple[int, int, int], ...]:
        _require(isinstance(value, list | tuple) and bool(value))
        for voxel in value:
            _require(isinstance(voxel, list | tuple) and len(voxel) == 3)
            _require(all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in voxel))
        return tuple(map(tuple, value))

    def parse(self, word: str) -> Any:
        return [int(part) if part.isdecimal() else part for part in word.split(",")]


class GeometryOption(Check):
    """Spacing, origin and direction (LPS, mm)."""

    wish = "an object of spacing, origin and direction (LPS, mm)"
    metavar = "JSON"

    def convert(self, name: str, value: Any) -> Geometry:
        from dsc_superres.geometry import Geometry

        if isinstance(value, Geometry):
            return value
        _require(isinstance(value, dict) and set(value) == {"spacing", "origin", "direction"})
        try:
            return Geometry(**value)
        except (TypeError, ValueError) as error:
            raise Unmet("three numbers each, and three rows of three for direction") from error

    def parse(self, word: str) -> Any:
        try:
            return json.loads(word)
        except (ValueError, RecursionError):
            return word
