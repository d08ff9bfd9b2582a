"""Controllers of the panel: one per section."""
