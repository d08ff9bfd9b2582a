"""The name and the version of this software."""

SOFTWARE = "DSCSuperRes"
"""By which a file says that this software wrote it."""

__version__ = "0.1.0"
