"""Train the models that ship again, stage by stage, from the numbered recipes in training/recipes.

Finished stages are skipped and an interrupted one is resumed, so that the same command goes on where it was stopped
(Ctrl-C). At the end each model is measured on the validation patients, and its weights and card are written to
DIR/weights.
The head volumes come from `dsc-superres benchmark heads --into HEADS`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dsc_superres.benchmark.image_quality.benchmark_cases import patient_case
from dsc_superres.benchmark.publish import handwritten_card_text, publish
from dsc_superres.benchmark.quality import evaluate_all
from dsc_superres.benchmark.retraining.shortened import shorten, write_synthetic_heads, write_synthetic_patients
from dsc_superres.benchmark.retraining.stages import CHAIN, MODELS, Chain, Stage
from dsc_superres.errors import FileError
from dsc_superres.models import WEIGHTS
from dsc_superres.training.config import TrainOptions
from dsc_superres.utils.atomic_writing import write_json

CARD_SLICES = 2
"""Middle slices of each validation patient that a card's numbers are means over."""
QUALITY_CORE_HOURS = 0.2
"""Cost of measuring one model."""
SHORT_PATIENT = {"matrix": 64, "frames": 33}
"""The validation patient of a shortened run."""


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark retrain``: prints the paths of the cards."""
    parser = argparse.ArgumentParser(
        prog="dsc-superres benchmark retrain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the runs (default: runs)")
    parser.add_argument("--only", choices=MODELS, metavar="MODEL", help=f"this model alone: {', '.join(MODELS)}")
    parser.add_argument("--heads", type=Path, help="folder of head volumes (default: DSC_REFERENCE and DSC_HEADS)")
    parser.add_argument("--leave-out-missing", action="store_true", help="train without the heads that are not there")
    parser.add_argument(
        "--shortened", action="store_true", help="tiny networks on synthetic heads, in a minute: does the chain run?"
    )
    parser.add_argument("--list", action="store_true", help="list stages, their cost and state, and do nothing")
    chosen = parser.parse_args(arguments)
    if chosen.heads:
        os.environ["DSC_REFERENCE"] = os.environ["DSC_HEADS"] = str(chosen.heads.absolute())
    runs = chosen.out or Path("runs-shortened" if chosen.shortened else "runs")
    change = partial(shorten, folder=runs / "heads") if chosen.shortened else lambda options: options
    if chosen.leave_out_missing:
        change = without_missing
    chain, stages = Chain(runs, change), chosen_stages(chosen.only, chosen.shortened)
    if chosen.list:
        print(listing(chain, stages, chosen.shortened))
        return
    prepare(chain, stages, chosen.shortened)
    for stage in stages:
        _say(f"{stage.name}: {_state(chain, stage)}, {_cost(stage.core_hours, chosen.shortened)}")
        chain.run(stage)
    for model in dict.fromkeys(stage.model for stage in stages):
        print(publish_model(chain, model, chosen.shortened))


def chosen_stages(only: str | None, shortened: bool) -> list[Stage]:
    """The stages of all models or of one. Shortened, all: the small networks fit no weights but each other's."""
    return [stage for stage in CHAIN if shortened or only in (None, stage.model)]


def without_missing(options: TrainOptions) -> TrainOptions:
    """The options without the head volumes and segmentations that are not there."""
    data = {**options.data}
    for kind in ("volumes", "labels"):
        if kind in data:
            data[kind] = [path for path in data[kind] if _is_there(path)]
    if not data.get("labels", True):
        del data["labels"]
        if shares := data.pop("shares", None):
            data["shares"] = [shares[0] + shares[2] / 2, shares[1] + shares[2] / 2]
    return replace(options, data=data)


def prepare(chain: Chain, stages: Sequence[Stage], shortened: bool) -> None:
    """Check that everything that the stages need is present. Raises ``FileError``."""
    if shortened:
        write_synthetic_heads(chain.runs / "heads")
        write_synthetic_patients(chain.runs / "patients")
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    missing = missing_heads(chain, stages)
    if missing:
        raise FileError(
            f"{len(missing)} head volumes are not there ({', '.join(missing)}): "
            "`dsc-superres benchmark heads --into DIR` and --heads DIR, or --leave-out-missing."
        )


def missing_heads(chain: Chain, stages: Sequence[Stage]) -> list[str]:
    """Return the head volumes and segmentations of the recipes that are missing."""
    found: dict[str, None] = {}
    for stage in stages:
        options = chain.start_options(stage).config if stage.is_start else chain.options(stage)
        paths = [*options.data.get("volumes", []), *options.data.get("labels", [])]
        found |= dict.fromkeys(path for path in paths if not _is_there(path))
    return list(found)


def _is_there(path: str) -> bool:
    return path == "mni152" or Path(os.path.expandvars(path)).is_file()


def listing(chain: Chain, stages: Sequence[Stage], shortened: bool) -> str:
    """Return a line for each stage with its cost and progress, and the total cost that is left."""
    width = max(len(stage.name) for stage in stages)
    lines = [f"{'stage':<{width}}   steps  core-hours  state"]
    left = QUALITY_CORE_HOURS * len({stage.model for stage in stages})
    for stage in stages:
        done, planned = chain.steps(stage)
        left += stage.core_hours * (1 - done / max(planned, 1))
        hours = "" if shortened else f"{stage.core_hours:.1f}"
        lines.append(f"{stage.name:<{width}}  {planned:>6,}  {hours:>10}  {_state(chain, stage)}")
    if not shortened:
        lines.append(f"about {left:.1f} core-hours are left, with measuring; a stage uses two cores")
    return "\n".join(lines)


def publish_model(chain: Chain, model: str, shortened: bool) -> Path:
    """Measure the last stage's weights on the validation patients and write them with their card; the card's path."""
    from dsc_superres.phantom import VALIDATION_SEEDS

    stages = [stage for stage in CHAIN if stage.model == model]
    options, weights = chain.options(stages[-1]), chain.weights(stages[-1])
    target = chain.runs / "weights" / f"{model}.json"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if target.is_file() and json.loads(target.read_text(encoding="utf-8"))["sha256"] == digest:
        return target
    _say(f"{model}: measured on the validation patients, {_cost(QUALITY_CORE_HOURS, shortened)}")
    seeds, smaller = (VALIDATION_SEEDS[:1], SHORT_PATIENT) if shortened else (VALIDATION_SEEDS, {})
    cases = [partial(patient_case, seed, CARD_SLICES, 2, 4, **smaller) for seed in seeds]
    records = evaluate_all(cases, [str(weights)], 2, 4, jobs=1)
    write_json(weights.parent / "quality.json", records)
    words = handwritten_card_text(stages[-1].recipe, WEIGHTS / f"{model}.json") | {
        "command": f"dsc-superres benchmark retrain{' --shortened' if shortened else ''}",
        "history": history(chain, stages, shortened),
    }
    return publish(options, records, words, target.parent)


def history(chain: Chain, stages: Sequence[Stage], shortened: bool) -> str:
    """Return the history of weights: stages with seeds, steps and hours, and the head volumes that were missing."""
    parts = []
    for stage in stages:
        if stage.is_start:
            origin = "weights that ship" if chain.start_options(stage).is_shipped else "weights of the same run"
            parts.append(f"{stage.title} (from {origin})")
        else:
            state, options = chain.checkpoint(stage), chain.options(stage)
            hours = f"{state['seconds'] / 3600:.2f} h"
            parts.append(f"{stage.title} (seed {options.seed}, {state['step']:,} steps, {hours})")
    text = f"Trained again by the numbered recipes: {'; '.join(parts)}."
    left_out = missing_heads(Chain(chain.runs), stages)
    if shortened:
        return f"{text} Shortened, to show that the chain runs: not for use."
    return f"{text} Without the head volumes {', '.join(left_out)}." if left_out else text


def _state(chain: Chain, stage: Stage) -> str:
    if chain.is_finished(stage):
        return "finished"
    done, planned = chain.steps(stage)
    return f"to resume at step {done:,} of {planned:,}" if done and not stage.is_start else "to do"


def _cost(core_hours: float, shortened: bool) -> str:
    return "some seconds" if shortened else f"about {core_hours:.1f} core-hours"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
