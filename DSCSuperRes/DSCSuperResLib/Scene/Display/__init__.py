"""Display of a result: layout, gray levels, colors, overlays, playback."""
