"""Cases that start processes themselves and take seconds: a few at once, on threads of this process."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import PROCESSES, Attack, Case, Row


def attack_in_turn(kind: str, case: Case, at_once: int = PROCESSES) -> Attack:
    """The attack that runs ``case`` with as many seeds as it is asked for, each in an empty folder.

    A case that forks this process itself has to run alone.
    """

    def attack(seed: int, count: int, folder: Path) -> Row:
        def words(one: int) -> str:
            place = folder / f"case_{one}"
            place.mkdir()
            found = " ".join(case(one, place).split())[:300]
            shutil.rmtree(place)
            return found

        seeds = range(1_000_000 * seed, 1_000_000 * seed + count)
        with ThreadPoolExecutor(at_once) as pool:
            wrong = {one: found for one, found in zip(seeds, pool.map(words, seeds), strict=True) if found}
        first = min(wrong, default=None)
        example = "" if first is None else f"seed {first}: {wrong[first]}"
        return Row(kind, count, len(wrong), example, tuple(sorted(wrong)))

    attack.__name__ = kind.replace(" ", "_")
    return attack
