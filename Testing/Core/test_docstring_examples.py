"""The examples in the docstrings of public functions run and give what they show."""

import doctest
import importlib

import pytest

MODULES = (
    "series",
    "geometry",
    "degrade",
    "comparison",
    "io.series_file",
    "perfusion.options",
    "perfusion.maps",
    "perfusion.map_scales",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"dsc_superres.{name}"))
    assert result.attempted
    assert not result.failed
