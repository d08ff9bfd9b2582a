"""What CMake packages is what is on disk, and the catalogue entry says what CMake says."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "DSCSuperRes"


def listed(name: str) -> list[str]:
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(rf"set\({name}\n(.*?)\n\s*\)", text, re.S)[1].split()


def on_disk() -> list[str]:
    """Files that git tracks or would: what lies around for other reasons is not packaged."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
    found = subprocess.run(command, cwd=MODULE, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("this is not a git repository")
    return [name for name in found.stdout.splitlines() if (MODULE / name).is_file() and name != "CMakeLists.txt"]


def test_every_script_is_packaged():
    assert sorted(listed("MODULE_PYTHON_SCRIPTS")) == sorted(name for name in on_disk() if name.endswith(".py"))


def test_every_resource_is_packaged():
    assert sorted(listed("MODULE_PYTHON_RESOURCES")) == sorted(name for name in on_disk() if not name.endswith(".py"))


def test_catalogue_entry_fits_the_extension():
    entry = json.loads((ROOT / "DSCSuperRes.json").read_text(encoding="utf-8"))
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "project(DSCSuperRes)" in text
    assert f'set(EXTENSION_HOMEPAGE "{entry["scm_url"]}")' in text
    assert entry["build_dependencies"] == re.search(r'set\(EXTENSION_DEPENDS "(.*?)"\)', text)[1].split()
    for name in ("ICONURL", "SCREENSHOTURLS"):
        for url in re.search(rf'set\(EXTENSION_{name} "(.*?)"\)', text)[1].split():
            assert (ROOT / url.split("/main/")[1]).is_file(), url
