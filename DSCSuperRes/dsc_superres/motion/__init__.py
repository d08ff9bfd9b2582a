"""Rigid motion of the head during a series: estimated, corrected and described."""
