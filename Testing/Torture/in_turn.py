"""Cases that start processes themselves and take seconds: one after the other, in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import Attack, Case, Row


def attack_in_turn(kind: str, case: Case) -> Attack:
    """The attack that runs ``case`` with as many seeds as it is asked for, each in an empty folder."""

    def attack(seed: int, count: int, folder: Path) -> Row:
        wrong = {}
        for one in range(1_000_000 * seed, 1_000_000 * seed + count):
            place = folder / "case"
            place.mkdir()
            if words := case(one, place):
                wrong[one] = " ".join(words.split())[:300]
            shutil.rmtree(place)
        first = min(wrong, default=None)
        example = "" if first is None else f"seed {first}: {wrong[first]}"
        return Row(kind, count, len(wrong), example, tuple(sorted(wrong)))

    attack.__name__ = kind.replace(" ", "_")
    return attack
