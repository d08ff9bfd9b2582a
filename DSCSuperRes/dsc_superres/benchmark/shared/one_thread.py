"""Limits numerical libraries to one thread, so that times and results do not depend on the machine's load."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec


def one_thread() -> ExitStack:
    """A context in which PyTorch and the linear algebra behind numpy use one thread, where they can be limited."""
    stack = ExitStack()
    if find_spec("torch"):
        import torch

        stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)
    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_limits

        stack.enter_context(threadpool_limits(1))
    return stack
