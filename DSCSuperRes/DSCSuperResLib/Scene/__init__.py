"""Reading and writing of the MRML scene. Requires slicer, vtk and numpy, but no window."""
