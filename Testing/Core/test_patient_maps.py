"""The benchmark of maps, end to end: what it counts as an error, and that it goes on where it ended."""

from __future__ import annotations

import pytest

from dsc_superres.benchmark.perfusion import run
from dsc_superres.benchmark.perfusion_objects import patient_maps
from dsc_superres.benchmark.perfusion_objects.patient_maps import COLUMNS, MapInput, map_measures
from dsc_superres.perfusion import MapOptions
from dsc_superres.phantom import DigitalPatient, digital_patient
from dsc_superres.utils.atomic_writing import write_json


@pytest.fixture(scope="module")
def patient() -> DigitalPatient:
    return digital_patient(2000, slices=1, matrix=64, frames=41, artery_share=0.3)


def test_a_common_factor_and_shift_are_no_error_of_a_pattern(patient):
    maps = MapInput(patient.series).maps(MapOptions("csvd"))
    true = {"cbv": 5 * patient.cbv, "cbf": 4 * patient.cbf, "mtt": 1.25 * patient.mtt, "tmax": patient.delay + 1}
    for name, values in true.items():
        getattr(maps, name)[:] = values
    errors = dict(zip(COLUMNS, map_measures(maps, patient.series, patient)["errors"], strict=True))
    assert errors.pop("MTT, absolute, %") == pytest.approx(25, abs=0.1)
    assert errors.pop("CBF, r") == pytest.approx(1)
    assert max(errors.values()) < 1e-3


def test_records_are_kept_and_give_the_table_with_its_intervals(tmp_path, capsys):
    records = [
        {"patient": 2000 + n, "slices": 1, "row": row, "method": method, "errors": [4.0 + n] * 6, "covered": [95.0] * 4}
        for n in range(2)
        for row in ("fine series", "reconstruction")
        for method in patient_maps.METHODS
    ]
    write_json(tmp_path / "records.json", records)
    arguments = ["--only", "patients", "--patients", "2", "--slices", "1", "--records", str(tmp_path / "records.json")]
    errors, coverage = run(arguments)
    assert errors.rows[0][:3] == ("fine series", "default", "4.5 (4.0 to 5.0)")
    assert coverage.rows[1] == ("reconstruction", "95", "95", "95", "95")
    assert "confidence interval" in capsys.readouterr().out
