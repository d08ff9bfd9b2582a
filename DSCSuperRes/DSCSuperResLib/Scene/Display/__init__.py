"""How a result is shown: layout, gray levels, colors, overlays, playback."""
