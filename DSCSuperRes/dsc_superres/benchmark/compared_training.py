"""Train a network of the comparison, which ``dsc-superres train`` does not offer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dsc_superres.cli.commands import train


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark train CONFIG``: as ``dsc-superres train``."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark train", description=__doc__)
    parser.add_argument("config", metavar="CONFIG", help="a .toml file")
    train(parser.parse_args(arguments))
