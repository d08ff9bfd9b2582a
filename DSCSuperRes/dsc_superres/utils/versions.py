"""Versions of the software that results depend on."""

from __future__ import annotations

import platform
from importlib import metadata

from dsc_superres.version import __version__

PACKAGES = ("torch", "torchdiffeq", "numpy", "scipy", "SimpleITK", "pydicom", "scikit-image", "safetensors")
"""Packages that results depend on."""


def versions() -> dict[str, str | None]:
    """Return the versions of this package, of Python and of the packages that results depend on; None if missing."""
    installed: dict[str, str | None] = {"dsc-superres": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            installed[package] = None
    return installed
