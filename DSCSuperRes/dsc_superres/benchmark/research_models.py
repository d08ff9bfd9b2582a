"""The catalog entries of models that are compared with those of the product, and are not offered to users."""

from __future__ import annotations

from pathlib import Path

from dsc_superres.models import ODE_LIIF, SIMULATED, ModelEntry, find, register

COMPARISON_WEIGHTS = Path(__file__).resolve().parent / "weights"
"""The folder of weights of methods that were trained in the same way."""

ABLATED = f"{ODE_LIIF}-ablated"
TRAINED_ALIKE = f"{ODE_LIIF}-alike"
ON_KINETICS = f"{ODE_LIIF}-on-kinetics"


def _register(name: str, title: str, description: str, builder: str, weights: str | None) -> None:
    register(
        ModelEntry(
            name=name,
            title=title,
            description=description,
            builder=builder,
            weights=COMPARISON_WEIGHTS / f"{weights}.safetensors" if weights else None,
            removes_initial_transient=True,
            listed=False,
            training_range=SIMULATED,
        )
    )


_register(
    "videoinr",
    "VideoINR",
    "After Chen et al., CVPR 2022: a spatial and a temporal implicit function, and warping by predicted flows.",
    "dsc_superres.benchmark.networks.videoinr:VideoInr",
    "videoinr",
)
_register(
    "liif-linear",
    "LIIF, linear in time",
    "A local implicit image function in space, linear interpolation in time.",
    "dsc_superres.benchmark.networks.liif_linear:LiifLinear",
    "liif-linear",
)
_register(
    TRAINED_ALIKE,
    "ODE-LIIF, trained alike",
    "ODE-LIIF trained as the methods beside it were.",
    find(ODE_LIIF).builder,
    ODE_LIIF,
)
_register(
    ABLATED,
    "ODE-LIIF, ablated",
    "ODE-LIIF without the part that the option ``without`` names.",
    "dsc_superres.benchmark.networks.ablated:AblatedOdeLiif",
    None,
)
_register(
    ON_KINETICS,
    "ODE-LIIF on kinetics",
    "ODE-LIIF compact with kinetics as its base in time, as its input, or both.",
    "dsc_superres.benchmark.networks.on_kinetics:OdeLiifOnKinetics",
    None,
)
