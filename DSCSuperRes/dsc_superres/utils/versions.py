"""Versions of what the numbers depend on."""

from __future__ import annotations

import platform
from importlib import metadata

from dsc_superres import __version__

PACKAGES = ("torch", "torchdiffeq", "numpy", "scipy", "SimpleITK", "pydicom", "scikit-image", "safetensors")


def versions() -> dict[str, str | None]:
    """Installed versions of this package, Python and what the numbers depend on; None for what is missing."""
    found: dict[str, str | None] = {"dsc-superres": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found
