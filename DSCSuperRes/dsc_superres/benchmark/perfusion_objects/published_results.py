"""Published results and reference objects from a folder, if one is given."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np

from dsc_superres.benchmark.perfusion_objects.reference_objects import ReferenceObject
from dsc_superres.errors import FileError

Cell = tuple[float, float]
"""Interval (s) and signal-to-noise ratio."""
BAR = "best published"
STRETCH = "stretch"
MEASURES = ("CBV_medARE", "CBF_medARE", "MTT_medARE", "Tmax_MAE_exp")
TOOLBOX = {"ssvd": "toolbox SVD 0.2", "csvd": "toolbox cSVD 0.1"}
"""The published rows that our classic methods must reproduce."""


def reference_folder(reference: str | Path | None) -> Path | None:
    """Return the folder with ``bar.csv``: ``reference``, else DSC_REFERENCE, or its subfolder ``perfusion``; or None.

    Raises ``FileError`` if it contains no perfusion references.
    """
    given = reference or os.environ.get("DSC_REFERENCE")
    if not given:
        return None
    for folder in (Path(given), Path(given) / "perfusion"):
        if (folder / "bar.csv").is_file():
            return folder
    raise FileError(f"The reference folder {given} holds no perfusion/bar.csv: name another, or none.")


def published_rows(folder: Path | None) -> dict[Cell, dict[str, tuple[float, ...]]]:
    """By cell: the errors in the order of MEASURES of the best published tool, the stretch value and the toolbox."""
    if folder is None:
        return {}
    found = {
        (float(row["TR"]), float(row["SNR"])): {
            name: tuple(float(row[f"{measure}_{key}"]) for measure in MEASURES)
            for name, key in ((BAR, "bar"), (STRETCH, "stretch"))
        }
        for row in _rows(folder / "bar.csv")
    }
    for row in _rows(folder / "error_table.csv"):
        if row["method"] in TOOLBOX.values() and row["residue"] == "all":
            values = tuple(float(row[measure]) for measure in MEASURES)
            found[float(row["TR"]), float(row["SNR"])][row["method"]] = values
    return found


def published_object(folder: Path, cell: Cell) -> ReferenceObject | None:
    """Return the reference object of a cell with the noise that the published tools had; None if it is missing."""
    if not (folder / "dro" / "signal.npy").is_file():
        return None
    about = json.loads((folder / "dro" / "meta.json").read_text())
    row, column = about["TR_s"].index(cell[0]), [float(snr) for snr in about["SNR"]].index(cell[1])
    cases = _rows(folder / "dro" / "truth.csv")
    names = {"cbv": "cbv_ml_100g", "mtt": "mtt_s", "delay": "delay_s", "cbf": "cbf_ml_100g_min"}
    signal, arterial, times = (
        np.load(folder / "dro" / f"{name}.npy", mmap_mode="r") for name in ("signal", "aif_dr2s", "time")
    )
    return ReferenceObject(
        times=np.array(times[row], float),
        signal=np.array(signal[row, column].T, np.float32),
        arterial=np.array(arterial[row], float),
        baseline=slice(0, about["n_baseline"][row]),
        truth={name: np.array([float(case[title]) for case in cases]) for name, title in names.items()},
        residue=np.array([case["residue"] for case in cases]),
    )


def published_leakage(folder: Path) -> tuple[ReferenceObject, np.ndarray] | None:
    """Return the published object with leaking curves, and their K2 (1/s); None if it is missing."""
    part = folder / "leakage_dro"
    if not (part / "signal.npy").is_file():
        return None
    about, cases = json.loads((part / "meta.json").read_text()), _rows(part / "truth.csv")
    made = ReferenceObject(
        times=np.load(part / "time.npy").astype(float).ravel(),
        signal=np.load(part / "signal.npy").astype(np.float32).T,
        arterial=np.load(part / "aif_dr2s.npy").astype(float).ravel(),
        baseline=slice(0, about["n_baseline"]),
        truth={"cbv": np.array([float(case["cbv_ml_100g"]) for case in cases])},
        residue=np.full(len(cases), "exp"),
    )
    return made, np.array([float(case["K2_per_s"]) for case in cases])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open() as file:
        return list(csv.DictReader(file))
