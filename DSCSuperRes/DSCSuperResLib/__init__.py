"""The Slicer side: the panel, its sections, the worker process and the MRML scene. Imports nothing by itself."""
