"""The MRML scene: nodes in, nodes out. Needs slicer, vtk and numpy, but no window."""
