"""How a lack of memory shows."""

from __future__ import annotations

_TEXTS = ("allocate memory", "failed to map segment", "can't start new thread", "std::bad_alloc")
"""Of torch's allocator, of libraries that cannot be loaded, of threads that cannot be started, of C++."""


def out_of_memory(error: Exception) -> bool:
    """Whether ``error`` says that memory ran out: Python's own, a GPU's, or one of libraries."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (
            isinstance(error, RuntimeError | ImportError | OSError)
            and any(text in str(error).lower() for text in _TEXTS)
        )
    )
