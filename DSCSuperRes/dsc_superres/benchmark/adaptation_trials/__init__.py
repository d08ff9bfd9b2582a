"""Procedures that were tried to adapt a network to one scan."""
