"""The first cases of every attack."""

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the harness needs POSIX")
from harness import Attack
from torture import ATTACKS

COUNT = 300
"""Cases of all attacks together."""


@pytest.mark.parametrize(("attack", "share"), ATTACKS, ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_goes_wrong(attack: Attack, share: float, tmp_path: Path) -> None:
    row = attack(0, max(1, round(share * COUNT)), tmp_path)
    assert (row.wrong, row.example) == (0, "")
    assert row.tried > 0
