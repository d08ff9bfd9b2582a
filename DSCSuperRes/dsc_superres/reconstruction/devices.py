"""Devices that networks can run on: which ones there are, how fast they are, and which one to take."""

from __future__ import annotations

import os
import platform
import time

from dsc_superres.errors import ModelError
from dsc_superres.utils.pytorch import torch_problem


def choose_device(name: str = "auto") -> str:
    """The device to use for ``name``: ``auto`` takes cuda, then mps, then cpu. Raises ``ModelError``."""
    import torch

    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name == "auto":
        return available[0]
    if name.split(":")[0] not in available:
        raise ModelError(f"The device '{name}' is not available here: choose auto or one of {', '.join(available)}.")
    return name


def devices() -> list[dict[str, object]]:
    """The devices there are: name for ``--device``, description, memory and free memory in bytes (None: unknown).

    Where PyTorch works, also ``gflops``, the ``convolution_rate`` that estimates are based on, and
    ``bfloat16_gflops``, the same in bfloat16; None where that is not quick.
    """
    cpu = {
        "name": "cpu",
        "description": platform.processor() or platform.machine(),
        "memory": _main_memory(),
        "free": None,
    }
    available = [cpu]
    if torch_problem() is not None:
        return available
    import torch

    cpu["threads"] = torch.get_num_threads()
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        available.append({"name": "cuda", "description": torch.cuda.get_device_name(), "memory": total, "free": free})
    if torch.backends.mps.is_available():
        total = torch.mps.recommended_max_memory()
        used = torch.mps.driver_allocated_memory()
        available.append({"name": "mps", "description": "Apple GPU", "memory": total, "free": max(total - used, 0)})
    for device in available:
        name = device["name"]
        device["gflops"] = convolution_rate(name)
        device["bfloat16_gflops"] = convolution_rate(name, bfloat16=True) if quick_in_bfloat16(name) else None
    return available


def quick_in_bfloat16(device: str) -> bool:
    """Whether a device has instructions for bfloat16, which are the same on every run: no time is measured."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return any(getattr(torch.cpu, name, bool)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))


def convolution_rate(device: str, *, bfloat16: bool = False) -> float:
    """GFLOP/s of a 3 x 3 convolution of 64 channels, as in the networks; measured in less than a tenth of a second."""
    import torch

    kind = torch.bfloat16 if bfloat16 else torch.float32
    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(device, kind, memory_format=torch.channels_last)
    image = torch.rand(1, 64, 96, 96, device=device).to(kind).contiguous(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        for _ in range(8):
            begin = time.perf_counter()
            layer(image).sum().item()  # the number reaches the host only when the device has finished
            seconds.append(time.perf_counter() - begin)
    return 2 * 9 * 64 * 64 * 96**2 / min(seconds) / 1e9


def _main_memory() -> int | None:
    """Bytes of main memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
