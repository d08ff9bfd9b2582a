"""Damage to bytes, numbers and JSON values, drawn from a generator."""

from __future__ import annotations

import copy
import json
import math
import struct
from random import Random
from typing import Any

NUMBERS = (math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1e-9, 1e-38, 1e9, 1e38, -1e38, 0.5, 1.0, 3.0, 351.0, 353.0)
"""Numbers that a header should not hold, or not everywhere."""
WHOLE_NUMBERS = (0, -1, 1, 2, 3, 5, 7, 8, 127, 255, 256, 1023, 32767, -32768)
WORDS = (
    "",
    " ",
    "nan",
    "inf",
    "1e999",
    "-1",
    "9" * 400,
    "a" * 5000,
    "../../x",
    "/etc/passwd",
    "\x00",
    "ä" * 50,
    "%s%n",
)


def damaged(random: Random, raw: bytes, within: int = 0) -> bytes:
    """Bytes with a few of them flipped, cut, doubled or replaced, most of it in the first ``within`` of them."""
    data = bytearray(raw)
    for _ in range(random.randint(1, 4)):
        end = within if within and random.random() < 0.8 else len(data)
        place = random.randrange(max(1, min(end, len(data))))
        kind = random.random()
        if kind < 0.5 and data:
            data[place] ^= 1 << random.randrange(8)
        elif kind < 0.65:
            data[place : place + random.choice((1, 2, 4, 8))] = random.randbytes(random.choice((1, 2, 4, 8)))
        elif kind < 0.75:
            del data[place : place + random.choice((1, 4, 100))]
        elif kind < 0.85:
            data[place:place] = random.choice((b"\x00", b"\xff", b"\n", b" ", b"A")) * random.choice((1, 16, 2000))
        elif kind < 0.93:
            data[place : place + 4] = struct.pack(random.choice("<>") + "f", random.choice(NUMBERS))
        else:
            del data[place:]
    return bytes(data)


def odd_value(random: Random, depth: int = 0) -> Any:
    """A JSON value of any type and size."""
    kinds = [
        lambda: random.choice((None, True, False)),
        lambda: random.choice(NUMBERS),
        lambda: random.choice((*WHOLE_NUMBERS, 10**30, 10**400, -(10**400))),
        lambda: random.choice(WORDS),
        lambda: [odd_value(random, depth + 1) for _ in range(random.randint(0, 4))],
        lambda: {random.choice(WORDS)[:40]: odd_value(random, depth + 1) for _ in range(random.randint(0, 3))},
        lambda: [random.choice(NUMBERS)] * random.choice((1, 2, 3, 9)),
        lambda: [[random.choice(NUMBERS)] * 3] * 3,
    ]
    return random.choice(kinds if depth < 3 else kinds[:4])()


def with_odd_values(random: Random, value: Any, changes: int = 2) -> Any:
    """A copy of a JSON value with some parts replaced, removed, renamed or wrapped."""
    root = [copy.deepcopy(value)]
    for _ in range(random.randint(1, changes)):
        places = list(_places(root))
        holder, key = random.choice(places)
        kind = random.random()
        if kind < 0.7:
            holder[key] = odd_value(random)
        elif kind < 0.8 and holder is not root:
            del holder[key]
        elif kind < 0.9:
            holder[key] = [holder[key]]
        elif isinstance(holder, dict):
            holder[random.choice(WORDS)] = holder[key]
    return root[0]


def _places(value: Any):
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def json_text(random: Random, value: Any) -> bytes:
    """JSON of a value, now and then nested without end, with huge numbers, in another encoding or damaged."""
    kind = random.random()
    text = json.dumps(value)
    if kind < 0.04:
        return (random.choice(("[", '{"a":')) * random.choice((900, 100_000))).encode()
    if kind < 0.08:
        return f'{text[:-1]}, "x": {"9" * random.choice((300, 10_000))}}}'.encode()
    if kind < 0.12:
        return text.encode(random.choice(("utf-16", "utf-8-sig", "utf-32")))
    if kind < 0.25:
        return damaged(random, text.encode())
    return text.encode()
