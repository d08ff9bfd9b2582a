"""What registered models can do, known without torch: any program may ask before it loads anything heavy."""

from __future__ import annotations

INTERPOLATORS = ("linear", "cubic", "pchip", "backprojection")
"""Models without weights: there is nothing to adapt, and nothing that training could be unlike."""
ESTIMATE_UNCERTAINTY = ("ode-liif-plus",)
"""Models that tell the standard deviation of their error."""
