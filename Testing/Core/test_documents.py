"""README and docs: small enough, links and paths that lead somewhere, and tables that are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from option_tables import DOCUMENT, tables, with_tables
from test_layout import MODULE, PACKAGE, files, imported, module_of, package_of

import dsc_superres

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [document.relative_to(ROOT).as_posix() for document in DOCUMENTS]
README_LIMIT = 10_240
"""Bytes of a README that is read to its end."""
LINK = re.compile(r"\]\(([^()\s]+)\)")
SPAN = re.compile(r"`([\w./*-]+)`")
SOURCES = (".py", ".ui")
"""Suffixes of files that only the module has; what else is in code letters may be a file of the user."""
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


def test_every_path_of_the_module_exists() -> None:
    present = {path.relative_to(ROOT).as_posix() for path in _module_paths()}
    folders = {name.rpartition("/")[2] for name in present if (ROOT / name).is_dir()}
    ends = {name.split("/", start)[-1] for name in present for start in range(name.count("/") + 1)}
    for document in DOCUMENTS:
        for span in SPAN.findall(document.read_text(encoding="utf-8")):
            path = span.rstrip("/")
            of_module = path.endswith(SOURCES) or ("/" in path and path.partition("/")[0] in folders)
            if of_module and "NAME" not in path:
                assert {path, *(path + suffix for suffix in (*SOURCES, ".toml"))} & ends, f"{document.name}: {span}"


def _module_paths() -> list[Path]:
    found = [path for place in (MODULE, ROOT / "Testing", ROOT / "Resources") for path in place.rglob("*")]
    return [path for path in found if not {"__pycache__", ".pytest_cache"} & set(path.parts)]


def test_option_tables_are_those_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert {("", mark) for mark in tables()} <= set(_marks(DOCUMENT))
    assert text == with_tables(text), "write the tables: python Testing/Core/option_tables.py --write"


def test_packages_import_only_from_rows_above() -> None:
    section = _section("docs/newcomers-walk.md", "The packages of dsc_superres")
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in _rows(section)]
    row_of = {package: number for number, row in enumerate(rows) for package in row}
    packages = {package_of(module_of(path)) for path in files(PACKAGE)} - {"", "__init__", "__main__"}
    assert packages == set(row_of)
    for path in files(PACKAGE):
        begin = package_of(module_of(path))
        ends = {package_of(name) for name in imported(path) if name.startswith("dsc_superres.")}
        for end in (ends & packages) - {begin} if begin in packages else ():
            assert row_of[end] < row_of[begin], f"{path.name} imports {end}"


def test_every_name_of_the_python_interface_is_in_its_table() -> None:
    table = (ROOT / "docs/python-api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[`(\w+)`\]", table, re.MULTILINE)) == sorted(dsc_superres.__all__)


def test_headline_results_are_those_of_the_tables() -> None:
    section = _section("README.md", "Results")
    headlines = [_numbers(row) for row in _rows(section) if _numbers(row)]
    tables = [_numbers(row) for row in _rows((ROOT / "docs/results.md").read_text(encoding="utf-8"))]
    assert headlines
    assert not [headline for headline in headlines if not any(headline <= row for row in tables)]


def _section(name: str, title: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _rows(text: str) -> list[str]:
    return re.findall(r"^\|.*\|$", text, re.MULTILINE)


def _numbers(row: str) -> set[str]:
    return set(re.findall(r"\d+\.\d+", row))
