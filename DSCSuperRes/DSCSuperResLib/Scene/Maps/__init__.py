"""Perfusion maps of a result, the arterial input that they were computed with, and their statistics."""
