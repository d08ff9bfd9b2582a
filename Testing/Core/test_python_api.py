"""The names that a script needs: each is there, and each has a worked example that runs."""

import doctest
import subprocess
import sys
from pathlib import Path

import dsc_superres

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python-api.md"


def test_the_examples_of_the_page_run():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried >= 30
    assert failed == 0


def test_every_name_is_there_and_has_an_example():
    page = PAGE.read_text(encoding="utf-8")
    for name in dsc_superres.__all__:
        assert callable(getattr(dsc_superres, name))
        assert f"{name}(" in page


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, dsc_superres; heavy = {'numpy', 'torch', 'SimpleITK'} & set(sys.modules); sys.exit(bool(heavy))"
    subprocess.run([sys.executable, "-c", code], check=True)
