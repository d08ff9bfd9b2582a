"""Spatio-temporal super-resolution of DSC perfusion MRI and the perfusion maps that follow.

Data flows one way: ``io`` reads a ``Series``; ``degrade`` or ``reconstruct`` makes another one of it;
``perfusion`` turns a series into maps; ``metrics`` compares. ``cli`` and ``worker`` are the doors.
"""

__version__ = "0.1.0"
