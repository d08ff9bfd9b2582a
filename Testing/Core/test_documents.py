"""README and docs: small enough, links that lead somewhere, and complete marks for the generated tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [document.relative_to(ROOT).as_posix() for document in DOCUMENTS]
README_LIMIT = 10_240
"""Bytes of a README that is read to its end."""
LINK = re.compile(r"\]\(([^()\s]+)\)")
MARK = re.compile(r"<!-- (/?)([\w-]+) -->")


def _prose(document: Path) -> str:
    """The text of a document without its code, in which brackets and marks mean nothing."""
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """The names that GitHub gives to the headings of a document."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _marks(document: Path) -> list[tuple[str, str]]:
    return MARK.findall(document.read_text(encoding="utf-8"))


def test_readme_is_short() -> None:
    assert README.stat().st_size <= README_LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_relative_links_lead_somewhere(name) -> None:
    document = ROOT / name
    for link in LINK.findall(_prose(document)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = document if not path else (document.parent / path).resolve()
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("name", NAMES)
def test_every_mark_is_opened_and_closed_once(name) -> None:
    marks = _marks(ROOT / name)
    assert marks == [(slash, mark) for _, mark in marks[::2] for slash in ("", "/")]
    assert len({mark for _, mark in marks}) == len(marks) / 2


def test_every_generated_table_has_one_place() -> None:
    marks = [mark for name in NAMES for slash, mark in _marks(ROOT / name) if not slash]
    assert len(marks) == len(set(marks))
    documented = re.findall(r"--into (\S+).*?--mark ([\w-]+)", (ROOT / "docs/results.md").read_text(encoding="utf-8"))
    assert {mark for _, mark in documented} <= set(marks)
    assert {Path(document).name for document, _ in documented} == {"results.md"}


def test_headline_results_are_those_of_the_tables() -> None:
    section = README.read_text(encoding="utf-8").partition("\n## Results\n")[2].partition("\n## ")[0]
    headlines = [_numbers(row) for row in _rows(section) if _numbers(row)]
    tables = [_numbers(row) for row in _rows((ROOT / "docs/results.md").read_text(encoding="utf-8"))]
    assert headlines
    assert not [headline for headline in headlines if not any(headline <= row for row in tables)]


def _rows(text: str) -> list[str]:
    return re.findall(r"^\|.*\|$", text, re.MULTILINE)


def _numbers(row: str) -> set[str]:
    return set(re.findall(r"\d+\.\d+", row))
