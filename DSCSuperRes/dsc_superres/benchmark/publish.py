"""Publish the averaged weights of a finished run with their card.

Every number on the card comes from the run or from ``dsc-superres benchmark quality --out``; method, command and
history are kept from the present card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dsc_superres.benchmark.research_models import COMPARISON_WEIGHTS
from dsc_superres.errors import FileError
from dsc_superres.models import WEIGHTS, find
from dsc_superres.training.config import TrainOptions, read_config
from dsc_superres.utils.atomic_writing import atomic_file, write_json

COMPARED_RECIPES = Path(__file__).resolve().parent / "recipes"

INTENDED_USE = (
    "Research on DSC perfusion MRI of the human head: finer pixels ({least:g} to 3 times) and frames (2 to 6 times) "
    "from gradient-echo EPI magnitude series with about 2 to 12 s between acquired frames. Not for diagnosis or "
    "treatment."
)
DATA = (
    "Domain-randomized scenes made afresh at every step: random label maps and slices of head volumes in any "
    "orientation through random contrasts, with random texture, vessels, bolus, transit times, delays, repetition "
    "times, point spread, motion, coil shading and noise (signal-to-noise 25 to 160). "
    "{patient_share:.0%} of the scenes are cut from the 32 digital training patients. Inputs are noisy, targets not. "
    "Head volumes: the MNI152 template of nilearn; two T1 volumes of OMEGA ds000247 (CC0); one of coreg_qa (BSD-2)."
)
LABELS = " Segmented heads in random contrasts: three of OMEGA ds000247 (CC0)."
TIME_ALONE = " In the last two stages {time_alone:.0%} of the batches kept their pixels and were refined in time alone."
HEADS = (
    " In the last stages also: two adults and a child, T1 (example-dicom-structural, PDDL; dcm_qa_xa30, BSD-2; "
    "SAG-anon, MIT); an adult, FLAIR (torchio-data, MIT); two heads with tumors, T1 (pyradiomics, BSD-3); an adult, "
    "PD (Papaya, BSD-style); an adult, EPI (dcm_qa_decubitus, BSD-2)."
)
LIMITS = [
    "It has never seen a real contrast bolus: kinetics and noise are simulated, shapes partly so.",
    "What it adds beyond the acquired resolution is likely, not measured; small or brief findings may be missing or "
    "invented, and it smooths noise as well as faint texture.",
    "One slice at a time; strong motion, distortion and slice timing are outside what it was trained on.",
    "Intervals far above 6 s between acquired frames can miss the bolus; no network brings back what was not sampled.",
]


def handwritten_card_text(config: Path, card: Path) -> dict[str, str]:
    """Return the parts of the present card that are written by hand: method, command and history.

    Raises ``FileError`` if there is no card yet.
    """
    if not card.is_file():
        raise FileError(f"There is no card {card} yet: write one with method, training.command and training.history.")
    present = json.loads(card.read_text(encoding="utf-8"))
    words = {"method": present["method"], **{name: present["training"][name] for name in ("command", "history")}}
    if is_compared(config):
        words["intended_use"] = present["intended_use"]
    return words


def is_compared(config: Path) -> bool:
    """Whether a recipe is one of the methods to compare with."""
    return config.resolve().parent == COMPARED_RECIPES


def card(
    options: TrainOptions, checkpoint: dict, records: list[dict], sha256: str, words: dict[str, str]
) -> dict[str, object]:
    """The card of weights, from the run's options, its checkpoint and the benchmark's records."""
    own = [record for record in records if record["model"] == options.name]
    measures = [name for name in own[0] if name not in ("case", "model", "cost")]
    title = find(options.name).title.split(",")[0]
    parameters = sum(value.numel() for value in checkpoint["network"].values())
    return {
        "name": options.name,
        "sha256": sha256,
        "summary": f"{title} with {parameters / 1000:.0f} thousand parameters, trained on simulated series alone.",
        "method": words["method"],
        "intended_use": words.get("intended_use", INTENDED_USE).format(
            least=1 if options.data.get("time_alone") else 1.3
        ),
        "data": _data(options.data),
        "limits": LIMITS,
        "training": {
            "command": words["command"],
            "history": words["history"],
            "seed": options.seed,
            "steps": checkpoint["step"],
            "windows_per_step": options.data["scenes"] * options.data["pairs"],
            "hours": round(checkpoint["seconds"] / 3600, 2),
            "device": "1 to 2 CPU cores, " + ("bfloat16" if options.bfloat16 else "32-bit floats"),
            "loss": (
                f"Charbonnier distance, linear from {options.linear_from:g} on: signal, 0.3 of its relative error, "
                f"{options.coarse:g} of 4 x 4 means"
            ),
        },
        "network": options.network,
        "validation": {
            "data": f"{len(own)} digital patients of another base anatomy (dsc-superres benchmark quality)",
            "mean": {name: round(float(np.mean([r[name] for r in own if name in r])), 4) for name in measures},
        },
    }


def _data(data: dict) -> str:
    """Return the description of the training data."""
    labels = LABELS if "labels" in data else ""
    heads = HEADS if any("DSC_HEADS" in volume for volume in data["volumes"]) else ""
    time = TIME_ALONE.format(**data) if data.get("time_alone") else ""
    return DATA.format(**data) + labels + heads + time


def publish(options: TrainOptions, records: list[dict], words: dict[str, str], folder: Path) -> Path:
    """Write NAME.safetensors and NAME.json of a run into ``folder``; return the path of the latter.

    records  of ``dsc-superres benchmark quality``, of the same weights
    """
    import torch

    content = (Path(options.out) / f"{options.name}.safetensors").read_bytes()
    checkpoint = torch.load(Path(options.out) / "checkpoint.pt", map_location="cpu", weights_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / f"{options.name}.safetensors") as partial:
        partial.write_bytes(content)
    target = folder / f"{options.name}.json"
    write_json(target, card(options, checkpoint, records, hashlib.sha256(content).hexdigest(), words))
    return target


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark publish``: prints the path of the card."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark publish", description=__doc__)
    parser.add_argument("config", type=Path, help="the recipe of the run")
    parser.add_argument("quality", type=Path, help="quality.json of the same weights")
    parser.add_argument("--into", type=Path, metavar="DIR", help="folder for both files (default: the package's)")
    chosen = parser.parse_args(arguments)
    options = read_config(chosen.config)
    records = json.loads(chosen.quality.read_text(encoding="utf-8"))
    shipped = COMPARISON_WEIGHTS if is_compared(chosen.config) else WEIGHTS
    words = handwritten_card_text(chosen.config, shipped / f"{options.name}.json")
    print(publish(options, records, words, chosen.into or shipped))
