"""From when on frames are coarse in time. Imports nothing, so that estimates can be made without numpy."""

COARSE_INTERVAL = 2.5
"""s between frames above which an arterial curve is not known from its samples alone."""
