"""Slicer's DICOM browser offers dynamic series to this module."""
