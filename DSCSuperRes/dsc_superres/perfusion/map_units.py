"""Units of the perfusion maps; provenance, report and DICOM take them from here."""

UNITS = {"cbv": "mL/100 g", "cbf": "mL/100 g/min", "mtt": "s", "ttp": "s", "tmax": "s"}
"""Units of the maps that every method computes, by name."""
EXTRA_UNITS = {f"{name}_sd": unit for name, unit in UNITS.items() if name != "ttp"} | {"k1": "1", "k2": "1/s"}
"""Units of the maps that only some options compute: standard deviations and leakage coefficients."""
