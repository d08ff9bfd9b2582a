"""What this installation can do: versions, devices and models."""

from __future__ import annotations

import platform

from dsc_superres.models import entries
from dsc_superres.reconstruction.devices import convolution_rate, devices
from dsc_superres.utils.pytorch import torch_problem
from dsc_superres.utils.versions import versions

__all__ = ["convolution_rate", "devices", "models", "probe", "versions"]


def models() -> list[dict[str, object]]:
    """Models by name: whether they are networks, and whether they can be used."""
    return [
        {"name": entry.name, "network": not entry.is_interpolator, "available": entry.available} for entry in entries()
    ]


def probe() -> dict[str, object]:
    """All of it, as plain values for JSON.

    ``ready`` is False where a needed package is missing or PyTorch does not start; ``problem`` is then why, in a
    sentence, else None.
    """
    installed = versions()
    missing = [name for name, version in installed.items() if version is None]
    problem = f"These packages are missing: {', '.join(missing)}." if missing else torch_problem()
    return {
        "ready": problem is None,
        "problem": problem,
        "versions": installed,
        "platform": platform.platform(),
        "devices": devices(),
        "models": models(),
    }
