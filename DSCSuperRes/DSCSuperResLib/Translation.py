"""Slicer's translation of literals, which MRML alone (outside the application) does without."""

try:
    from slicer.i18n import tr as _
except ImportError:

    def _(text: str) -> str:
        """``text`` as it is."""
        return text


__all__ = ["_"]
