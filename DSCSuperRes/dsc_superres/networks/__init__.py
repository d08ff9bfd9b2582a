"""Networks and interpolators. All share one call: ``model(window, t, size, cache) -> frames`` (see ``Model``)."""

from dsc_superres.networks.model import Model
from dsc_superres.networks.weight_files import create, load_model, save_model
from dsc_superres.networks.window import Window, summarize, window

__all__ = ["Model", "Window", "create", "load_model", "save_model", "summarize", "window"]
