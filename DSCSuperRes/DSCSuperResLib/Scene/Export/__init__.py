"""Export of a result: its files, and its DICOM study."""
