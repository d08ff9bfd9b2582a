"""Download and check the public head volumes of training.

Downloads are checked by their SHA-256. DICOM is converted by dcm2niix (``pip install dcm2niix``). About 300 MB are
downloaded, of which 50 MB are kept. Without options the list is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dsc_superres.benchmark.retraining.head_files import fetch_missing, read_heads, state
from dsc_superres.errors import FileError


def run(arguments: Sequence[str]) -> None:
    """``dsc-superres benchmark heads``."""
    parser = argparse.ArgumentParser(prog="dsc-superres benchmark heads", description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--into", type=Path, metavar="DIR", help="download into DIR what it does not hold yet")
    where.add_argument("--check", type=Path, metavar="DIR", help="check the heads in DIR, without the network")
    options = parser.parse_args(arguments)
    heads = read_heads()
    folder = options.into or options.check
    if folder is None:
        for head in heads:
            print(f"{head.file:<32} {head.license:<13} {head.what}: {head.url} {head.files}".rstrip())
        return
    if options.into:
        fetch_missing(heads, folder, lambda line: print(line, file=sys.stderr, flush=True))
    states = {head.file: state(head, folder) for head in heads}
    for file, found in states.items():
        print(f"{found:<9} {file}")
    bad = [file for file, found in states.items() if found in ("missing", "differs")]
    if bad:
        raise FileError(f"{len(bad)} of {len(heads)} heads in {folder} are missing or differ from their checksum.")
    print(f"Recipes find them with: export DSC_REFERENCE={folder.absolute()} DSC_HEADS={folder.absolute()}")
