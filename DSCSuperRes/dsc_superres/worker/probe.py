"""What this installation can do: versions, devices and models."""

from __future__ import annotations

import os
import platform
import time

from dsc_superres.models import INTERPOLATORS
from dsc_superres.utils.versions import versions


def devices() -> list[dict[str, object]]:
    """Where networks can run: name for ``--device``, description, memory and free memory in bytes (None: unknown).

    Where torch is there, also ``gflops``: the rate of a large convolution, which ``estimate`` goes by.
    """
    cpu = {"name": "cpu", "description": platform.processor() or platform.machine(), "memory": _memory(), "free": None}
    found = [cpu]
    try:
        import torch
    except ImportError:
        return found
    cpu["threads"] = torch.get_num_threads()
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        found.append({"name": "cuda", "description": torch.cuda.get_device_name(), "memory": total, "free": free})
    if torch.backends.mps.is_available():
        total = torch.mps.recommended_max_memory()
        used = torch.mps.driver_allocated_memory()
        found.append({"name": "mps", "description": "Apple GPU", "memory": total, "free": max(total - used, 0)})
    for device in found:
        device["gflops"] = convolution_rate(device["name"])
    return found


def convolution_rate(device: str) -> float:
    """GFLOP/s of a 3 x 3 convolution of 64 channels, as the networks use them; takes less than a tenth of a second."""
    import torch

    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(device, memory_format=torch.channels_last)
    image = torch.rand(1, 64, 96, 96, device=device).contiguous(memory_format=torch.channels_last)
    spent = []
    with torch.inference_mode():
        for _ in range(8):
            begin = time.perf_counter()
            layer(image).sum().item()  # a number on the host is only there when the device is done
            spent.append(time.perf_counter() - begin)
    return 2 * 9 * 64 * 64 * 96**2 / min(spent) / 1e9


def _memory() -> int | None:
    """Bytes of main memory, where the system tells."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def models() -> list[dict[str, object]]:
    """Models by name: whether they are networks, and whether their weights are installed."""
    try:
        from dsc_superres.networks.registry import NAMES, WEIGHTS
    except ImportError:
        return []
    return [
        {
            "name": name,
            "network": name not in INTERPOLATORS,
            "available": name in INTERPOLATORS or (WEIGHTS / f"{name}.safetensors").is_file(),
        }
        for name in NAMES
    ]


def probe() -> dict[str, object]:
    """All of it, as plain values for JSON. ``ready`` is False where a needed package is missing."""
    found = versions()
    return {
        "ready": None not in found.values(),
        "versions": found,
        "platform": platform.platform(),
        "devices": devices(),
        "models": models(),
    }
