"""The chain of stages that trains the models that ship, from the numbered recipes in ``training/recipes``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from dsc_superres import training
from dsc_superres.benchmark.retraining.narrow_start import write_narrow_start
from dsc_superres.benchmark.retraining.plus_start import write_plus_start
from dsc_superres.errors import ModelError
from dsc_superres.training.config import TrainOptions, read_config
from dsc_superres.training.train import train
from dsc_superres.utils.atomic_writing import write_json

RECIPES = Path(training.__file__).parent / "recipes"
RUNS = "runs/"
"""Prefix of the paths of runs in the recipes, which is replaced by the folder of a chain."""
RECORD = "recipe.json"
"""File in a stage's folder with the recipe and the checksums of the weights that it began with."""
NOT_COMPARED = ("out", "start_from", "parts", "threads", "workers", "checkpoint_minutes")
"""Options that do not affect what a stage learns, or whose files are compared by their checksums."""

Change = Callable[[TrainOptions], TrainOptions]


@dataclass(frozen=True)
class Stage:
    """One recipe of a model's chain (MODEL/NUMBER-TITLE), and what it takes (as ``chain.toml`` explains)."""

    name: str
    core_hours: float

    @property
    def model(self) -> str:
        return self.name.partition("/")[0]

    @property
    def title(self) -> str:
        return self.name.partition("/")[2]

    @property
    def recipe(self) -> Path:
        return RECIPES / f"{self.name}.toml"

    @property
    def is_start(self) -> bool:
        """Whether weights are put together, not trained."""
        return "config" in tomllib.loads(self.recipe.read_text(encoding="utf-8"))


def read_chain(path: Path = RECIPES / "chain.toml") -> tuple[Stage, ...]:
    """The stages in the order in which they run."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["stage"]
    return tuple(Stage(entry["recipe"], entry["core_hours"]) for entry in entries)


CHAIN = read_chain()
MODELS = tuple(dict.fromkeys(stage.model for stage in CHAIN))


@dataclass(frozen=True)
class StartOptions:
    """A recipe of a start: the training that goes on from there, and the weights that it is made of.

    static      the static part; None where the start is the ``source``, narrowed
    source      the dynamic part, or all that is narrowed: a file, or the name of a model whose weights ship
    is_shipped  which of these
    """

    config: TrainOptions
    static: Path | None
    source: str
    is_shipped: bool
    out: Path


@dataclass(frozen=True)
class Chain:
    """Stages in a folder of runs.

    runs    takes the place of ``runs`` in the recipes
    change  applied to the options of every recipe
    """

    runs: Path
    change: Change = lambda options: options

    def options(self, stage: Stage) -> TrainOptions:
        """Return the training options of a stage, with paths in this folder."""
        return self._placed(read_config(stage.recipe))

    def start_options(self, stage: Stage) -> StartOptions:
        """Return the options of a start; its source is the model that ships unless this folder has one."""
        values = tomllib.loads(stage.recipe.read_text(encoding="utf-8"))
        source = self._source(values.get("dynamic") or values["teacher"], values["otherwise"])
        is_shipped = source == values["otherwise"]
        return StartOptions(
            config=self._placed(read_config(stage.recipe.parent / values["config"])),
            static=Path(self._path(values["static"])) if "static" in values else None,
            source=source,
            is_shipped=is_shipped,
            out=Path(self._path(values["out"])),
        )

    def weights(self, stage: Stage) -> Path:
        """Return the path of the weights that a stage writes."""
        if stage.is_start:
            return self.start_options(stage).out
        options = self.options(stage)
        return Path(options.out) / f"{options.name}.safetensors"

    def checkpoint(self, stage: Stage) -> dict:
        """Return the checkpoint of a stage; empty before it starts."""
        path = self.weights(stage).parent / "checkpoint.pt"
        return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else {}

    def steps(self, stage: Stage) -> tuple[int, int]:
        """Return the steps done and planned; a start has one step."""
        if stage.is_start:
            return int(self.weights(stage).is_file()), 1
        return self.checkpoint(stage).get("step", 0), self.options(stage).steps

    def is_finished(self, stage: Stage) -> bool:
        done, planned = self.steps(stage)
        return done >= planned and self.weights(stage).is_file()

    def run(self, stage: Stage) -> None:
        """Run or resume a stage unless it is finished.

        Raises ``ModelError`` if its folder contains a run of another recipe or from other weights.
        """
        start = self.start_options(stage) if stage.is_start else None
        options = start.config if start else self.options(stage)
        inputs = [start.static, start.source] if start else [options.start_from, *options.parts.values()]
        self._check_record(stage, options, inputs)
        if self.is_finished(stage):
            return
        if start and start.static:
            write_plus_start(options, start.static, start.source, start.out)
        elif start:
            write_narrow_start(options, start.source, start.out)
        else:
            train(options)

    def _source(self, path: str, otherwise: str) -> str:
        """The weights at a path of a recipe where a finished stage has left them here, otherwise a model's name."""
        weights = Path(self._path(path))
        left = any(self.runs / stage.name == weights.parent and self.is_finished(stage) for stage in CHAIN)
        return str(weights) if left else otherwise

    def _check_record(self, stage: Stage, options: TrainOptions, inputs: Iterable[str | Path | None]) -> None:
        """Record the recipe and the initial weights of a stage, or compare them with those recorded earlier."""
        recipe = {key: value for key, value in asdict(options).items() if key not in NOT_COMPARED}
        recipe["data"] = {key: value for key, value in recipe["data"].items() if key != "patients"}
        digests = [_sha256(Path(each)) if Path(each).is_file() else str(each) for each in inputs if each]
        expected = json.loads(json.dumps({"recipe": recipe, "begins_with": digests}))
        path = self.weights(stage).parent / RECORD
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, expected)
        elif json.loads(path.read_text(encoding="utf-8")) != expected:
            raise ModelError(
                f"{path.parent} holds a run of another recipe or from other weights: remove it or choose another --out."
            )

    def _placed(self, options: TrainOptions) -> TrainOptions:
        data = {**options.data}
        if data.get("patients"):
            data["patients"] = self._path(data["patients"])
        placed = replace(
            options,
            out=self._path(options.out),
            start_from=options.start_from and self._path(options.start_from),
            parts={part: self._path(path) for part, path in options.parts.items()},
            data=data,
        )
        return self.change(placed)

    def _path(self, path: str) -> str:
        return str(self.runs / path.removeprefix(RUNS)) if path.startswith(RUNS) else path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
