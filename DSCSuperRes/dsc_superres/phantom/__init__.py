"""Digital patients: simulated DSC series with known perfusion."""

from dsc_superres.phantom.anatomy import TISSUES
from dsc_superres.phantom.kinetics import KH, RHO, SimulatedArterialInput
from dsc_superres.phantom.patient import (
    KH_OVER_RHO,
    TRAINING_SEEDS,
    VALIDATION_SEEDS,
    DigitalPatient,
    digital_patient,
)

__all__ = [
    "KH",
    "KH_OVER_RHO",
    "RHO",
    "TISSUES",
    "TRAINING_SEEDS",
    "VALIDATION_SEEDS",
    "DigitalPatient",
    "SimulatedArterialInput",
    "digital_patient",
]
