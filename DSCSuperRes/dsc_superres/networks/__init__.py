"""Networks and interpolators by name. All share one call: ``model(window, t, size, cache) -> frames``."""

from dsc_superres.networks.registry import NAMES, create, load_model, save_model
from dsc_superres.networks.window import Window, summarise, window

__all__ = ["NAMES", "Window", "create", "load_model", "save_model", "summarise", "window"]
