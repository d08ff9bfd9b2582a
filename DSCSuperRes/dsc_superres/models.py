"""The catalog of models: one entry for each, with everything that others need to know of it. Imports no torch.

To add a model, write its class (a ``dsc_superres.networks.Model``) in a file of its own and ``register`` an entry for
it; command line, worker, panel, estimate and report read the entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsc_superres.errors import ModelError
from dsc_superres.model_files import read_card, read_weights_header

DEFAULT_MODEL = "ode-liif-compact"
"""What is used where no model is asked for."""

ODE_LIIF = "ode-liif"
"""The first of the networks, with which others are compared."""

DEFAULT_MODEL_WITH_UNCERTAINTY = "ode-liif-plus"
"""The same where the uncertainty of the result is asked for."""

AIR_SIGNAL = 0.03
"""Normalized signal (mean over the series) up to which a pixel is air, where networks compute nothing."""
AIR_MARGIN = 6
"""Coarse pixels of air around the signal in which they do; more change less than 1e-4 of the intensities."""

WEIGHTS = Path(__file__).resolve().parent / "weights"
"""Where shipped weights lie: NAME.safetensors, and NAME.json with its card and checksum."""


@dataclass(frozen=True)
class ModelCost:
    """Floating-point operations of a reconstruction, per pixel of the coarse grid where nothing else is said.

    series        once per series
    frame         per acquired frame
    pair          per pair of acquired frames
    evaluation    per pair and evaluation of the vector fields, of which a pair takes ``evaluations``
    evaluations   their number at time factors of 1, 2, 4, and at other factors
    output        per output frame
    fine_pixel    per output frame and pixel of the fine grid
    """

    series: float
    frame: float
    pair: float
    output: float
    fine_pixel: float
    evaluation: float = 0.0
    evaluations: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class TrainingRange:
    """Properties of the series that a network is meant for: those of its training, and what proved no different.

    frames     at least so many acquired frames
    interval   least and greatest time between acquired frames, s
    pixel      least and greatest side of a pixel of the acquired series, mm
    space      least and greatest spatial factor
    snr        at least this signal-to-noise ratio over time
    """

    frames: int
    interval: tuple[float, float]
    pixel: tuple[float, float]
    space: tuple[float, float]
    snr: float


@dataclass(frozen=True)
class ModelEntry:
    """One model.

    name           as it is typed, and as files of weights name their network
    title          as people read it
    description    one line on how it works
    builder        "module:Class" of its ``Model``, imported when the model is built
    options        of that class, keyword arguments
    weights        file of its trained weights; None for a model that has none
    listed         whether it is offered to users; a model that is not can still be built by its name
    cost           of a reconstruction with the shipped weights; None where it is not known, and for interpolators
    color          of its curves, "#rrggbb"

    ``follows_kinetics`` is whether kinetics is fitted to every voxel of the series, by whatever class: it takes time.
    """

    name: str
    title: str
    description: str
    builder: str
    options: Mapping[str, object] = field(default_factory=dict)
    weights: Path | None = None
    is_interpolator: bool = False
    estimates_uncertainty: bool = False
    removes_initial_transient: bool = False
    follows_kinetics: bool = False
    listed: bool = True
    cost: ModelCost | None = None
    training_range: TrainingRange | None = None
    color: str = "#56b4e9"

    @property
    def available(self) -> bool:
        """Whether it can reconstruct now: an interpolator, or a network whose weights are installed."""
        return self.is_interpolator or (self.weights is not None and self.weights.is_file())

    @property
    def card(self) -> dict[str, object]:
        """The card beside its weights: summary, method, data, intended use, limits; empty where there is none.

        Raises ``ModelError`` for one that is damaged.
        """
        path = self.weights.with_suffix(".json") if self.weights else None
        return read_card(path) if path and path.is_file() else {}

    @property
    def weights_sha256(self) -> str | None:
        """The checksum of its weights; None for a model that has none."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest() if self.weights else None

    @property
    def label(self) -> str:
        """Its name in results; that of a file of weights has their checksum instead of the file's name."""
        return self.name if _entries.get(self.name) == self else f"{self.name}-{self.weights_sha256[:8]}"


_entries: dict[str, ModelEntry] = {}


def register(entry: ModelEntry) -> None:
    """Add a model to the catalog. Raises ``ModelError`` where another one has its name."""
    if _entries.get(entry.name, entry) != entry:
        raise ModelError(f"There is a model named '{entry.name}' already: choose another name.")
    _entries[entry.name] = entry


def entries() -> tuple[ModelEntry, ...]:
    """The models to choose from, networks first."""
    return tuple(sorted((e for e in _entries.values() if e.listed), key=lambda entry: entry.is_interpolator))


def names() -> tuple[str, ...]:
    """The names of the models to choose from."""
    return tuple(entry.name for entry in entries())


def find(model: str | Path) -> ModelEntry:
    """The entry of a model: of a registered name, or of the network that a .safetensors file has weights of.

    The entry of a file has that file as its ``weights``, and no ``cost``, because its options may be others.
    Raises ``ModelError``.
    """
    path = Path(model)
    if str(model) in _entries:
        return _entries[str(model)]
    if path.suffix != ".safetensors":
        raise ModelError(f"There is no model '{model}': choose one of {', '.join(names())} or a .safetensors file.")
    network = read_weights_header(path).network
    if network not in _entries:
        raise ModelError(f"{path.name} has the weights of a network that is not known here, '{network}'.")
    return replace(_entries[network], weights=path, cost=None)


def weights_path(model: str | Path) -> Path:
    """The weights of a registered name, or the file itself, whether they are there or not."""
    entry = _entries.get(str(model))
    return entry.weights if entry and entry.weights else Path(model)


def names_with_uncertainty() -> tuple[str, ...]:
    """The names of the models to choose from that estimate the standard deviation of their error."""
    return tuple(entry.name for entry in entries() if entry.estimates_uncertainty)


SIMULATED = TrainingRange(frames=5, interval=(0.95, 12.5), pixel=(0.6, 6.5), space=(1.25, 3.6), snr=20.0)
"""What ``training.data`` and ``training.scenes`` draw, widened where patients of another generator showed no loss:
frames every 1 to 1.9 s and pixels of 0.6 to 1.2 mm gained as much over back-projection as others, see
``docs/promises.md``."""
SIMULATED_WITH_MORE_HEADS = replace(SIMULATED, pixel=(0.6, 7.6))
"""The same for networks whose recipe has larger pixels. On real EPI images of 6.75 to 7.5 mm, ``ode-liif-plus`` gained
as much over back-projection (1.3 dB) as on those of 4 to 6 mm (1.1 dB)."""

COMPACT = {"channels": 24, "frame_blocks": 1, "direction": 8, "field": 16, "decoder": 24, "step": 0.5, "views": 1}
"""Options of ``ode-liif-compact``: half the channels of ``ode-liif-plus``, and one view of the static image."""

ODE_LIIF_COST = ModelCost(
    series=665e3, frame=209e3, pair=32e3, evaluation=73.7e3, evaluations=(5, 8, 9, 10), output=284e3, fine_pixel=0.9e3
)

register(
    ModelEntry(
        name=DEFAULT_MODEL,
        title="ODE-LIIF compact",
        description="ODE-LIIF plus with half its channels, fitted to it: nearly its images in a third of the time.",
        builder="dsc_superres.networks.ode_liif_plus:OdeLiifPlus",
        options=COMPACT,
        weights=WEIGHTS / f"{DEFAULT_MODEL}.safetensors",
        estimates_uncertainty=True,
        removes_initial_transient=True,
        # Convolutions of few channels take longer for what they compute: theirs are counted 1.6 times.
        cost=ModelCost(
            series=2.0e6,
            frame=51e3,
            pair=43e3,
            evaluation=29.5e3,
            evaluations=(4, 6, 8, 8),
            output=113e3,
            fine_pixel=0.7e3,
        ),
        training_range=SIMULATED_WITH_MORE_HEADS,
    )
)
register(
    ModelEntry(
        name=ODE_LIIF,
        title="ODE-LIIF",
        description="A neural ODE in time and a local implicit image function in space correct back-projection.",
        builder="dsc_superres.networks.ode_liif:OdeLiif",
        weights=WEIGHTS / f"{ODE_LIIF}.safetensors",
        removes_initial_transient=True,
        cost=ODE_LIIF_COST,
        training_range=SIMULATED,
    )
)
register(
    ModelEntry(
        name=DEFAULT_MODEL_WITH_UNCERTAINTY,
        title="ODE-LIIF plus",
        description="ODE-LIIF on top of fine detail that is computed once per series; estimates its uncertainty.",
        builder="dsc_superres.networks.ode_liif_plus:OdeLiifPlus",
        weights=WEIGHTS / f"{DEFAULT_MODEL_WITH_UNCERTAINTY}.safetensors",
        estimates_uncertainty=True,
        removes_initial_transient=True,
        # Most of what is done once per series is the static detail, in eight views.
        cost=replace(ODE_LIIF_COST, series=15.6e6, evaluations=(4, 6, 8, 8)),
        training_range=SIMULATED_WITH_MORE_HEADS,
    )
)
register(
    replace(
        find(DEFAULT_MODEL_WITH_UNCERTAINTY),
        name="ode-liif-plus-kinetic",
        title="ODE-LIIF plus, kinetic",
        description="ODE-LIIF plus, its frames drawn toward kinetics of the contrast agent.",
        builder="dsc_superres.networks.ode_liif_plus:OdeLiifPlusKinetic",
        follows_kinetics=True,
    )
)
register(
    ModelEntry(
        name="static-detail",
        title="Static detail",
        description="The static part of ODE-LIIF plus on its own: the first stage of its training.",
        builder="dsc_superres.networks.static_detail:StaticDetail",
        removes_initial_transient=True,
        listed=False,
        training_range=SIMULATED,
    )
)


def _register_interpolator(name: str, title: str, description: str, color: str, *, space: str, time: str) -> None:
    register(
        ModelEntry(
            name=name,
            title=title,
            description=description,
            builder="dsc_superres.networks.interpolation:Interpolator",
            options={"in_space": space, "in_time": time},
            is_interpolator=True,
            color=color,
        )
    )


_register_interpolator("linear", "Linear", "Linear in space and in time.", "#8e99a3", space="linear", time="linear")
_register_interpolator(
    "cubic", "Cubic", "Cubic convolution in space, cubic Hermite in time.", "#2fb98b", space="cubic", time="cubic"
)
_register_interpolator(
    "pchip", "PCHIP", "Cubic convolution in space, monotone cubic in time.", "#cc79a7", space="cubic", time="pchip"
)
_register_interpolator(
    "backprojection",
    "Back-projection",
    "Iterative back-projection in space, monotone cubic in time.",
    "#e69f00",
    space="backprojection",
    time="pchip",
)
register(
    ModelEntry(
        name="kinetic",
        title="Kinetic",
        description="Iterative back-projection in space, kinetics of the contrast agent in time.",
        builder="dsc_superres.networks.kinetic:KineticInterpolator",
        is_interpolator=True,
        estimates_uncertainty=True,
        removes_initial_transient=True,
        follows_kinetics=True,
        color="#a0522d",
    )
)
