"""A report whose maps were computed anew shows these, and keeps everything else."""

import re

import pytest
from sample import bolus_series

from dsc_superres.io import write_series
from dsc_superres.jobs.run import run_job
from dsc_superres.jobs.types import CompareJob, JobError, MapsJob

PICTURE = re.compile(r'<img src="(data:[^"]+)" alt="([^"]+)"')


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder of a comparison with a report of maps by cSVD."""
    folder = tmp_path_factory.mktemp("report")
    write_series(bolus_series(), folder / "scan.nii.gz")
    run_job(
        CompareJob(
            input=folder / "scan.nii.gz", output=folder / "out", time=2, model="linear", method="csvd", report=True
        )
    )
    return folder


def updated(folder, name: str, **options) -> str:
    files = {role: str(folder / "out" / f"{role}.seq.nrrd") for role in ("truth", "input", "reconstruction")}
    job = MapsJob(inputs=files, output=folder / name, update_report=folder / "out" / "report.html", **options)
    run_job(job)
    return (folder / name / "report.html").read_text(encoding="utf-8")


def pictures(page: str) -> dict[str, str]:
    return {title: data for data, title in PICTURE.findall(page)}


def test_maps_in_the_report_are_the_new_ones_and_the_rest_stays(results) -> None:
    old = (results / "out" / "report.html").read_text(encoding="utf-8")
    new = updated(results, "ssvd", method="ssvd", aif_voxels=[[0, 18, 12]], aif_series="truth")
    before, after = pictures(old), pictures(new)
    assert set(before) == set(after)
    changed = {title for title in before if before[title] != after[title]}
    assert {title for title in before if "map" in title.lower() or "Arterial" in title} == changed
    assert ("block-circulant" in old, "block-circulant" in new) == (True, False)
    assert "1 chosen voxel" in new
    assert new.split("<!-- maps -->")[0] == old.split("<!-- maps -->")[0]


def test_a_report_of_an_older_version_is_left_as_it_is(results) -> None:
    files = {role: str(results / "out" / f"{role}.seq.nrrd") for role in ("truth", "input", "reconstruction")}
    (results / "old.html").write_text("<html>no parts</html>", encoding="utf-8")
    job = MapsJob(inputs=files, output=results / "old", update_report=results / "old.html", method="csvd")
    assert "report" not in run_job(job).files
    with pytest.raises(JobError, match="update_report"):
        MapsJob(input=results / "scan.nii.gz", output=results / "one", update_report=results / "old.html")
