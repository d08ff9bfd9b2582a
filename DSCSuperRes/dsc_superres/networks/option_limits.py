"""Limits of the options of networks, so that a file of weights cannot ask for one that no machine could run."""

from __future__ import annotations

from collections.abc import Mapping

WIDEST = 1024
"""Greatest number of channels of a layer; 48 and 64 are usual."""
WIDTHS = ("channels", "direction", "field", "decoder", "detail", "detail_decoder")
DEEPEST = 100
"""Greatest number of blocks of an encoder; 8 to 12 are usual."""
LIMITS = {"step": (1 / 64, 1.0), "rtol": (1e-6, 1.0), "atol": (1e-6, 1.0)}
"""Least and greatest value of the options that are no whole numbers."""
SOLVERS = (
    *("adams", "midpoint", "euler", "heun2", "heun3", "rk4"),
    *("dopri5", "dopri8", "bosh3", "fehlberg2", "adaptive_heun"),
)


def check_options(options: Mapping[str, object]) -> None:
    """Raise ``ValueError`` that names the first option out of its limits; names are for the network to check."""
    for name, value in options.items():
        if name in LIMITS:
            least, greatest = LIMITS[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= greatest:
                raise ValueError(f"{name} must be a number from {least:g} to {greatest:g}")
        elif name == "solver":
            if value not in SOLVERS:
                raise ValueError(f"{name} must be one of {', '.join(SOLVERS)}")
        elif name in WIDTHS or name.endswith("blocks"):
            greatest = WIDEST if name in WIDTHS else DEEPEST
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= greatest:
                raise ValueError(f"{name} must be a whole number from 1 to {greatest}")
        elif isinstance(value, int | float) and not abs(value) <= WIDEST:
            raise ValueError(f"{name} must be a number up to {WIDEST}")
