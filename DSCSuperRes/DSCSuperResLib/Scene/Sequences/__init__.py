"""Volume sequences: their properties, reading and writing of frames, and files for the worker."""
