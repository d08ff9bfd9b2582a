"""Units of the perfusion maps; provenance, report and DICOM take them from here."""

UNITS = {"cbv": "mL/100 g", "cbf": "mL/100 g/min", "mtt": "s", "ttp": "s", "tmax": "s"}
"""Units of the maps that every method computes, by name."""
RELATIVE = "1 (white matter = 1)"
"""Unit of maps relative to white matter."""
EXTRA_UNITS = (
    {f"{name}_sd": unit for name, unit in UNITS.items() if name != "ttp"}
    | dict.fromkeys(("rcbv", "rcbf", "rcbv_sd", "rcbf_sd"), RELATIVE)
    | {"k1": "1", "k2": "1/s"}
)
"""Units of the maps that only some options compute: standard deviations, relative maps and leakage coefficients."""
