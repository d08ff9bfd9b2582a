"""Data of an export from a result in the scene: series and maps as arrays; tables, report, and provenance as files."""

from __future__ import annotations

import csv
import datetime
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import slicer

from dsc_superres import __version__
from dsc_superres.jobs.export import EXPORT_KEY, PROVENANCE
from dsc_superres.utils.atomic_writing import write_json

from ..Curves.Curves import meanFrames
from ..Curves.MetricsTables import metricsChart, metricsTable, readMetrics, regions
from ..Maps.ArterialInput import arterialInput
from ..Maps.MapMasking import allValues
from ..Maps.Maps import MASK, REGIONS, SOURCES, mapNode, mapNodes, mapsProvenance, mapTitle, mapUnit
from ..Result import REPORT, ROLE, Result
from ..Sequences.SequenceInput import readInput
from ..Sequences.SeriesFiles import describeSeries, writeSequence
from ..Volumes import frameArray, geometryOf

FOLDERS = {"inputDifference": "maps_input_difference"}
"""Folders of maps by source, unless they are called "maps_" and the source."""
SHOWN_MAPS = "DSCSuperRes.ShownMaps"
"""Attribute of a report whose maps were replaced: which maps it shows."""
LEFT_OUT = ("table.cursor", "table.aif")
"""Prefixes of the roles of tables for display only; the arterial input is written to a separate file."""
EXPORTED = ("reconstruction", "uncertainty")
"""Sequences that are written if the result has them."""


def writeSeries(result: Result, folder: Path, formats: Sequence[str], described: list[dict]) -> Iterator[float]:
    """Write the reconstruction, and its uncertainty, into ``folder`` as .npy, and append their entries of an export
    job to ``described``. Yields the fraction done.
    """
    found = {role: sequence for role in EXPORTED if (sequence := result.sequence(role)) is not None}
    for number, (role, sequence) in enumerate(found.items()):
        described.append(_describe(sequence, role, f"{role}.npy", formats))
        for fraction in writeSequence(sequence, folder / f"{role}.npy"):
            yield (number + fraction) / len(found)


def _describe(sequence: slicer.vtkMRMLSequenceNode, name: str, file: str, formats: Sequence[str]) -> dict[str, object]:
    info = readInput(sequence)
    return {
        **describeSeries(sequence, file),
        "name": name,
        "echo_time": info.echoTime,
        "sources": info.sources,
        "provenance": info.provenance,
        "scalar_type": info.scalarType.str,
        "formats": list(formats),
    }


def writeMaps(
    result: Result, folder: Path, formats: Sequence[str], dicom: bool, described: list[dict]
) -> Iterator[float]:
    """Write all maps into ``folder`` as .npy, and append their entries of an export job to ``described``.

    Beside them go the regions in which they were computed and that relative ones refer to, in which voxels are 1. With
    ``dicom``, the maps of the reconstruction are also exported as DICOM.
    """
    keys = [(name, source) for name in REGIONS for source in SOURCES]
    regions = {key: node for key in keys if (node := mapNode(result, *key)) is not None}
    found = {**mapNodes(result), **regions}
    for number, ((name, source), node) in enumerate(found.items(), 1):
        wanted = None
        if dicom and source == "reconstruction" and name not in REGIONS:
            wanted = {"folder": f"dicom/{name}", "name": mapTitle(name), "units": mapUnit(name)}
        if formats or wanted:
            file = folder / f"map-{number}.npy"
            np.save(file, frameArray(node) if name in REGIONS else allValues(result, node))
            described.append(
                {
                    "file": file.name,
                    "geometry": geometryOf(node).as_dict(),
                    "path": f"{FOLDERS.get(source, f'maps_{source}')}/{name}",
                    "formats": list(formats),
                    "dicom": wanted,
                }
            )
        yield number / len(found)


def writeTables(result: Result, folder: Path) -> Iterator[float]:
    """Write every table of the result, the arterial input and the mean signal of the brain as CSV into ``folder``."""
    folder.mkdir()
    _makeMetrics(result)
    for node in result.nodes():
        role = node.GetAttribute(ROLE) or ""
        if role.startswith("table.") and not role.startswith(LEFT_OUT):
            table = node.GetTable()
            columns = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
            rows = (
                [column.GetVariantValue(row).ToString() for column in columns] for row in range(table.GetNumberOfRows())
            )
            name = role.removeprefix("table.").replace(".", "_")
            _writeCsv(folder / f"{name}.csv", [column.GetName() for column in columns], rows)
            yield 0.5
    arterial = arterialInput(result)
    if arterial is not None:
        rows = zip(_texts(arterial.times), _texts(arterial.curve), strict=True)
        _writeCsv(folder / "arterial_input.csv", ("time_s", "delta_r2star"), rows)
    for source in SOURCES:
        yield from _writeBrainCurve(result, source, folder)


def writeProvenance(result: Result, folder: Path) -> None:
    """Write the provenance of the run, of the current maps, and of this export, without names of files or patients."""
    maps = {source: _nameless(found) for source in SOURCES if (found := mapsProvenance(result, source))}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    exported = {"created": now, "dsc_superres": __version__, "run": result.run}
    write_json(folder / PROVENANCE, {**result.record("text.provenance"), "maps": maps, EXPORT_KEY: exported})


def writeReport(result: Result, folder: Path) -> None:
    """Write the run's report, if it has one."""
    report = result.text(REPORT)
    if report:
        (folder / "report.html").write_text(report, encoding="utf-8")


def updateReport(result: Result, page: str) -> None:
    """Store a report that shows the current maps."""
    result.setText(REPORT, page)
    result.node(REPORT).SetAttribute(SHOWN_MAPS, _checksum(result))


def reportIsOlder(result: Result) -> bool:
    """Return whether the maps have been recomputed since the report was made."""
    node, now = result.node(REPORT), mapsProvenance(result, "reconstruction")
    if node is None:
        return False
    if node.GetAttribute(SHOWN_MAPS):
        return node.GetAttribute(SHOWN_MAPS) != _checksum(result)
    was = [maps for name, maps in result.record("text.provenance").get("maps", {}).items() if name != "truth"]
    return any(now.get(name) != value for one in was for name, value in one.items())


def _checksum(result: Result) -> str:
    """Return a number that differs between maps of the reconstruction."""
    return str(zlib.crc32(result.text("text.maps.reconstruction").encode()))


def derivation(result: Result) -> dict[str, object]:
    """Return the derivation of the maps of the reconstruction, for DICOM."""
    maps, model = mapsProvenance(result, "reconstruction"), result.record("text.provenance").get("model", {})
    known = {
        "model": model.get("name"),
        "weights SHA-256": (model.get("weights_sha256") or "")[:16],
        "method": maps.get("method"),
        "leakage correction": maps.get("leakage"),
        "arterial input": _nameless(maps).get("aif", {}).get("source"),
    }
    return {
        "description": "Perfusion map of a DSC series after spatio-temporal super-resolution",
        "provenance": {name: str(value) for name, value in known.items() if value},
    }


def _makeMetrics(result: Result) -> None:
    """Create the tables of the metrics, unless they exist."""
    metrics = readMetrics(result)
    found = regions(metrics) if metrics else []
    if found:
        metricsTable(result, metrics)
        if result.node("chart.metrics") is None:
            metricsChart(result, metrics, "psnr", found[0])


def _writeBrainCurve(result: Result, source: str, folder: Path) -> Iterator[float]:
    sequence, mask = result.sequence(source), mapNode(result, MASK, source)
    if sequence is None or mask is None:
        return
    inside, values = np.flatnonzero(frameArray(mask)), []
    for value in meanFrames(sequence, inside):
        values.append(value)
        yield 0.9
    rows = zip(_texts(result.times(source)), _texts(values), strict=True)
    _writeCsv(folder / f"brain_signal_{source}.csv", ("time_s", "mean_signal"), rows)


def _nameless(maps: dict) -> dict:
    """Return the provenance of maps without the file name of the arterial input, which may name a patient."""
    aif = maps.get("aif") or {}
    if str(aif.get("source", "")).startswith("file "):
        return {**maps, "aif": {**aif, "source": "file"}}
    return maps


def _texts(values: Iterable[float]) -> list[str]:
    return [f"{value:.6g}" for value in values]


def _writeCsv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:  # the mark lets Excel read Δ
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
