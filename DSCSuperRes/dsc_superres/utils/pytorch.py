"""Whether PyTorch works: it may be missing, half removed, too old, or lack a library of the system."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dsc_superres.utils.small_files import brief

OLDEST = "2.4"
"""Version that this software needs, as in pyproject.toml."""
WAY_OUT = "install it again (Reinstall in the panel of Slicer; elsewhere: pip install --force-reinstall torch)"


@cache
def torch_problem() -> str | None:
    """Return in one sentence why PyTorch does not work, None if it does. Imports it, which takes seconds."""
    try:
        import numpy as np
        import torch

        version = tuple(int(part) for part in torch.__version__.split(".")[:2])
        if version < tuple(map(int, OLDEST.split("."))):
            return f"PyTorch {torch.__version__} is too old: this software needs {OLDEST} or later; {WAY_OUT}."
        torch.from_numpy(np.ones(1, np.float32)).add(1).numpy()
    except ModuleNotFoundError as error:
        if error.name == "torch":
            return "PyTorch is not installed: pip install torch, or Install in the panel of Slicer."
        return _broken(error)
    except Exception as error:
        return _broken(error)
    return None


def from_torch(error: BaseException) -> bool:
    """Whether ``error`` may come from PyTorch that does not work: raised in it, or about one of its names."""
    traceback, files = error.__traceback__, []
    while traceback is not None:
        files.append(Path(traceback.tb_frame.f_code.co_filename).as_posix())
        traceback = traceback.tb_next
    about = isinstance(error, ImportError | AttributeError) and "torch" in f"{error} {error.name or ''}"
    return about or any("/torch/" in file for file in files)


def _broken(error: Exception) -> str:
    """Return a sentence about what its import or first use raised."""
    reason = brief(str(error)).rstrip(".")
    return f"PyTorch is installed but does not start ({type(error).__name__}: {reason}): {WAY_OUT}."
