"""How a node came about: attributes of sequences and maps, as in the headers of files."""

from __future__ import annotations

from collections.abc import Mapping

import slicer

from dsc_superres.io.recorded_provenance import header_record, parse_header_record

from .Attributes import setAttributes

PROVENANCE = "DSCSuperRes.Provenance."
"""Prefix of the attributes, each with one entry as JSON."""


def setProvenance(node: slicer.vtkMRMLNode, record: Mapping[str, object]) -> None:
    """Set the entries of ``record`` as attributes of ``node``; former ones are removed."""
    former = dict.fromkeys(_names(node))
    setAttributes(node, former | {f"{PROVENANCE}{key}": text for key, text in header_record(record).items()})


def provenanceOf(node: slicer.vtkMRMLNode) -> dict[str, object]:
    """Return the provenance of the series in ``node`` and its notes; empty for one from elsewhere."""
    entries = {name.removeprefix(PROVENANCE): node.GetAttribute(name) for name in _names(node)}
    provenance, notes = parse_header_record(entries)
    return {**provenance, **({"notes": list(notes)} if provenance or notes else {})}


def _names(node: slicer.vtkMRMLNode) -> list[str]:
    return [name for name in node.GetAttributeNames() if name.startswith(PROVENANCE)]
