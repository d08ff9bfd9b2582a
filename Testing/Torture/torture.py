"""All attacks, and their table in docs/robustness.md: ``python Testing/Torture/torture.py --write``.

``make torture`` runs this. Exit code 1 if anything went wrong.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import collisions
import fuzz_files
import fuzz_formats
import fuzz_images
import fuzz_weights
import kills
import limits
from harness import Attack, Row, progress

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "robustness.md"
MARK = "torture"
ATTACKS: list[tuple[Attack, float]] = [
    *fuzz_images.ATTACKS,
    *fuzz_weights.ATTACKS,
    *fuzz_files.ATTACKS,
    *fuzz_formats.ATTACKS,
    *collisions.ATTACKS,
    *kills.ATTACKS,
    *limits.ATTACKS,
]
"""Each attack with its share of the cases of ``--count``."""


def run(seed: int, count: int, chosen: str = "") -> list[Row]:
    """Run the attacks whose names hold ``chosen``, each in a temporary folder."""
    rows = []
    for attack, share in ATTACKS:
        if chosen.replace(" ", "_") not in attack.__name__:
            continue
        with tempfile.TemporaryDirectory(prefix="torture-") as folder:
            begin = time.monotonic()
            row = attack(seed, max(1, round(share * count)), Path(folder))
            rows.append(row)
            progress(
                f"{row.kind}: {row.tried} tried, {row.wrong} wrong, {time.monotonic() - begin:.0f} s. {row.example}"
                + (f" All: {', '.join(map(str, row.seeds))}" if len(row.seeds) > 1 else "")
            )
    return rows


def table(rows: list[Row], seed: int, former: str = "") -> str:
    """The rows in Markdown; those of attacks that did not run now stay as they are in the ``former`` table."""
    lines = dict(re.findall(r"^\| ([^|*]+?) (\| .*\|)$", former, flags=re.MULTILINE))
    lines |= {row.kind: f"| {seed} | {row.tried:,} | {row.wrong:,} | {row.example.replace('|', '/')} |" for row in rows}
    kinds = [kind for kind in (attack.__name__.replace("_", " ") for attack, _ in ATTACKS) if kind in lines]
    tried, wrong = (sum(int(lines[kind].split("|")[place].replace(",", "")) for kind in kinds) for place in (2, 3))
    head = ["| attack | seed | tried | wrong | first wrong |", "|---|---:|---:|---:|---|"]
    return "\n".join(
        [*head, *(f"| {kind} {lines[kind]}" for kind in kinds), f"| **all** | | {tried:,} | {wrong:,} | |"]
    )


def former_table(text: str) -> str:
    """The table in the ``text`` of the document, "" if it has other columns."""
    found = re.search(rf"<!-- {MARK} -->\n(.*?)<!-- /{MARK} -->", text, flags=re.DOTALL)
    return found[1] if found and "| seed |" in found[1] else ""


def with_table(text: str, new: str) -> str:
    """``text`` of the document with the ``new`` table between its marks."""
    pattern = rf"(<!-- {MARK} -->\n).*?(<!-- /{MARK} -->)"
    return re.sub(pattern, lambda marks: f"{marks[1]}{new}\n{marks[2]}", text, flags=re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other cases (default: 1)")
    parser.add_argument("--count", type=int, default=10_000, help="about how many cases in all (default: 10000)")
    parser.add_argument("--only", default="", metavar="WORDS", help="only the attacks whose names hold these words")
    parser.add_argument("--write", action="store_true", help=f"write the rows into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    rows = run(options.seed, options.count, options.only)
    print(table(rows, options.seed))
    if options.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_table(text, table(rows, options.seed, former_table(text))), encoding="utf-8")
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
