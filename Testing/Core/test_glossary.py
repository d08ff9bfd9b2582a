"""Identifiers are made of the glossary's words."""

import io
import keyword
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
ALLOWED = {"blood_supply", "BloodSupply", "standard_deviation"}
"""Names of the field that hold one of the words."""
STUDY = {"study", "studies"}
"""A DICOM study keeps its name; everything else is a case."""


def unwanted() -> set[str]:
    section = GLOSSARY.read_text(encoding="utf-8").partition("## Words that no identifier holds")[2]
    rows = re.findall(r"^\| ([a-z, ]+) \| [^|]+ \|$", section, re.M)
    words = {word for row in rows for word in row.split(", ")} - {"not"}
    assert len(words) > 20
    return words


def words_of(name: str) -> set[str]:
    """``arterialInputFunction`` and ``arterial_input_function``: arterial, input, function."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name)}


def identifiers(path: Path) -> set[str]:
    with open(path, encoding="utf-8") as file:
        tokens = list(tokenize.generate_tokens(io.StringIO(file.read()).readline))
    names = {token.string for token in tokens if token.type == tokenize.NAME}
    return {name for name in names if not keyword.iskeyword(name)} | {path.stem}


def sources() -> list[Path]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "DSCSuperRes/*.py"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("this is not a git repository")
    return [ROOT / name for name in found.stdout.split() if (ROOT / name).is_file()]


def test_no_identifier_holds_a_word_that_the_glossary_replaces():
    words, wrong = unwanted(), []
    for path in sources():
        for name in identifiers(path) - ALLOWED:
            bad = words_of(name) & words
            if bad:
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong, "\n".join(wrong)


def test_only_dicom_has_studies():
    wrong = []
    for path in sources():
        text = path.read_text(encoding="utf-8")
        for name in identifiers(path):
            if words_of(name) & STUDY and "dicom" not in text.lower():
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong, "\n".join(wrong)


def test_a_name_is_split_into_its_words():
    assert words_of("arterialInputFunction") == words_of("arterial_input_function") == {"arterial", "input", "function"}
    assert words_of("CBVMap") == {"cbv", "map"}
