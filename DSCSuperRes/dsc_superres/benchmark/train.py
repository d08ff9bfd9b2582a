"""Training of research models, which the command ``dsc-superres train`` does not know."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark train CONFIG``: as ``dsc-superres train``, with the research models registered."""
    from dsc_superres.cli.commands import train

    parser = argparse.ArgumentParser(prog="dsc-superres benchmark train", description=__doc__)
    parser.add_argument("config", metavar="CONFIG", help="a .toml file")
    train(parser.parse_args(arguments))
