"""The plan of the packages: who may import whom, read from the source, imports inside functions included."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "DSCSuperRes"
PACKAGE, LIBRARY = MODULE / "dsc_superres", MODULE / "DSCSuperResLib"
RESEARCH = re.compile(r"^\.*(dsc_superres\.)?benchmark(\.|$)")
"""What names the research package in an import, or in a string that is imported later."""
DOOR = ("cli", "benchmark")
"""The package and the function that may import a benchmark by the name that a user typed."""


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(MODULE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules, or of what is taken from them, that a file imports anywhere."""
    package = module_of(path).split(".") if path.name == "__init__.py" else module_of(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parent, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def strings(path: Path) -> Iterator[tuple[str, str]]:
    """Every string of a file that is no docstring, with the name of the outermost function around it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for top in tree.body:
        for node in ast.walk(top):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield getattr(top, "name", ""), node.value


def package_of(name: str) -> str:
    """The part of the plan that a module belongs to: a package or a single module right below ``dsc_superres``."""
    return name.partition(".")[2].partition(".")[0]


def test_the_product_does_not_know_research() -> None:
    found = []
    for path in files(PACKAGE):
        if PACKAGE / "benchmark" in path.parents:
            continue
        found += [f"{path.name} imports {name}" for name in imported(path) if RESEARCH.match(name)]
        own_package = path.relative_to(PACKAGE).parts[0]
        found += [
            f"{path.name} names {text}"
            for function, text in strings(path)
            if RESEARCH.match(text) and "." in text and (own_package, function) != DOOR
        ]
    assert not found


def test_no_packages_import_each_other_in_a_circle() -> None:
    arrows: dict[str, set[str]] = {}
    modules = {package_of(module_of(path)) for path in files(PACKAGE)} - {""}
    for path in files(PACKAGE):
        begin = package_of(module_of(path))
        ends = {package_of(name) for name in imported(path) if name.startswith("dsc_superres.")}
        arrows.setdefault(begin, set()).update(ends & modules - {begin})
    while arrows:
        free = {name for name, ends in arrows.items() if not ends & arrows.keys()}
        assert free, f"among these packages there is a circle: {arrows}"
        arrows = {name: ends for name, ends in arrows.items() if name not in free}


def test_every_import_leads_somewhere() -> None:
    """Also those inside functions, which nothing else may run."""
    modules = {module_of(path) for path in files(PACKAGE)}
    for path in files(PACKAGE) + files(LIBRARY):
        for name in imported(path):
            if name.startswith("dsc_superres."):
                assert name in modules or name.rpartition(".")[0] in modules, f"{path.name}: {name}"


def test_no_file_name_exists_twice_in_the_package() -> None:
    names = Counter(path.name for path in files(PACKAGE) if not path.name.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_package_does_not_know_slicer() -> None:
    forbidden = {"DSCSuperResLib", "DSCSuperRes", "slicer", "qt", "ctk", "vtk", "PythonQt"}
    for path in files(PACKAGE):
        assert not {name.split(".")[0] for name in imported(path)} & forbidden, path
        assert not [text for _, text in strings(path) if text.startswith("DSCSuperResLib.")], path


def test_what_slicer_imports_imports_no_torch() -> None:
    wanted = {name for path in files(LIBRARY) for name in imported(path) if name.startswith("dsc_superres.")}
    assert wanted
    script = (
        "import importlib, sys",
        f"for name in {sorted(wanted)}:",
        "    parent, _, last = name.rpartition('.')",
        "    if not hasattr(importlib.import_module(parent), last):",
        "        importlib.import_module(name)",
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'torchdiffeq', 'safetensors'}))",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(script)], cwd=MODULE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "is_research"),
    [
        ("dsc_superres.benchmark.quality", True),
        ("benchmark.networks.videoinr", True),
        ("dsc_superres.networks.liif", False),
        ("dsc-superres benchmark quality", False),
    ],
)
def test_research_is_recognized_by_its_name(text: str, is_research: bool) -> None:
    assert bool(RESEARCH.match(text)) == is_research
