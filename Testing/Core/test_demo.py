"""The demo on real files, with and without a bolus: the folder, the page, and how slices are turned for it."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres import cli
from dsc_superres.comparison import compare
from dsc_superres.geometry import Geometry
from dsc_superres.io import read_series, read_volume, write_series
from dsc_superres.perfusion import compute_maps
from dsc_superres.report.content import slice_to_show
from dsc_superres.report.display import head_view, time_axis_label, time_text
from dsc_superres.report.images import round_limit
from dsc_superres.series import MISSING, Series


class Page(HTMLParser):
    """What a page links to, and its words."""

    def __init__(self, path):
        super().__init__()
        self.links, self.words = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    series = bolus_series()
    # Without an echo time, as most NIfTI files are.
    write_series(Series(series.signal, series.times, series.geometry), folder / "scan.nii.gz")
    arguments = ["demo", folder / "scan.nii.gz", "--out", folder / "out", "--model", "backprojection"]
    assert cli.main([*map(str, arguments), "--figures", str(folder / "figures")]) == 0
    return folder


def test_the_report_shows_the_arterial_input_and_how_sure_the_maps_are(result):
    words = " ".join(Page(result / "out" / "report.html").words)
    for part in ("Arterial input", "voxels of the arterial input", "Uncertainty of the maps", "% of the map"):
        assert part in words
    assert {"artery.png", "uncertainty.png"} <= {file.name for file in (result / "figures").iterdir()}


def test_every_file_is_there_and_they_agree(result):
    out = result / "out"
    truth, fine, difference = (read_series(out / f"{n}.seq.nrrd") for n in ("truth", "reconstruction", "difference"))
    assert read_series(out / "input.seq.nrrd").frames == 9
    np.testing.assert_allclose(difference.signal, fine.signal - truth.signal, atol=1e-3)
    brain = read_volume(out / "maps_truth" / "mask.nii.gz")[0] > 0
    stated = json.loads((out / "metrics.json").read_text())["images"]["backprojection"]["brain"]["psnr"]
    assert stated == pytest.approx(compare(fine, truth, brain).brain.psnr, abs=0.01)
    for kind in ("maps_truth", "maps_reconstruction"):
        assert read_volume(out / kind / "cbv.nii.gz")[0][brain].mean() > 0
    assert "not for diagnosis" in json.loads((out / "provenance.json").read_text())["notice"]
    assert not [path for path in result.iterdir() if path.name.endswith(".part")]


def test_the_page_holds_its_pictures_and_no_link_leads_out(result):
    page = Page(result / "out" / "report.html")
    assert len(page.links) == 8
    text = (result / "out" / "report.html").read_text(encoding="utf-8")
    trusted = json.loads((result / "out" / "maps_truth" / "provenance.json").read_text())["absolute_scale_trusted"]
    folded = "Perfusion maps relative to white matter" if trusted else "Absolute perfusion maps"
    assert f"<details><summary>{folded}" in text
    for link in page.links:
        kind, content = link.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    words = " ".join(page.words)
    assert "Not a medical device" in words
    assert "the maps assume 30 ms" in words
    assert str(result) not in words
    assert sorted(path.name for path in (result / "figures").iterdir()) == [
        "artery.png",
        "curves.png",
        "frames.png",
        "maps.png",
        "motion.png",
        "quality.png",
        "relative.png",
        "uncertainty.png",
    ]


def test_the_best_value_of_the_table_is_marked(result):
    text = (result / "out" / "report.html").read_text(encoding="utf-8")
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    first = [re.search(r"<td( class=\"best\")?>([\d.]+)</td>", row) for row in table.split("</tr>") if "<td" in row]
    values = [float(cell[2]) for cell in first]
    marked = [value for value, cell in zip(values, first, strict=True) if cell[1]]
    assert marked == [max(values)]


def test_a_series_without_bolus_still_gets_its_report(tmp_path, capsys):
    write_series(bolus_series(bolus=False), tmp_path / "flat.nii")
    arguments = ["demo", tmp_path / "flat.nii", "--out", tmp_path / "out", "--model", "linear"]
    assert cli.main([str(argument) for argument in arguments]) == 0
    page = Page(tmp_path / "out" / "report.html")
    words = " ".join(page.words)
    assert "No contrast bolus" in words
    assert "while the bolus passes" not in words
    assert "No contrast bolus" in capsys.readouterr().err
    assert not (tmp_path / "out" / "maps_truth").exists()


@pytest.mark.parametrize("columns", [((1, 0), (0, 1)), ((-1, 0), (0, 1)), ((1, 0), (0, -1)), ((0, 1), (1, 0))])
def test_axial_slices_show_the_patients_right_on_the_left_and_anterior_up(columns):
    """The pixel that lies farthest to the right and front must end up in the top left corner."""
    (ax, ay), (bx, by) = columns
    geometry = Geometry((2.0, 3.0, 5.0), (0, 0, 0), ((ax, bx, 0), (ay, by, 0), (0, 0, ax * by - bx * ay)))
    y, x = np.indices((4, 6))
    position = np.stack([x * 2.0 * ax + y * 3.0 * bx, x * 2.0 * ay + y * 3.0 * by])
    view = head_view(geometry, np.ones((4, 6), bool))
    left_right, front_back = (view(axis) for axis in position)
    assert np.all(np.diff(left_right, axis=1) > 0)
    assert np.all(np.diff(front_back, axis=0) > 0)
    assert view.letters[:3] == ("R", "L", "A")
    rows, columns_ = left_right.shape
    assert view.size_mm[0] / columns_ == pytest.approx(np.diff(left_right, axis=1)[0, 0])
    assert view.size_mm[1] / rows == pytest.approx(np.diff(front_back, axis=0)[0, 0])


def test_a_slice_with_the_artery_is_shown_unless_there_is_little_brain_in_it():
    brain = np.zeros((3, 4, 4), bool)
    brain[0, 0], brain[1, :3], brain[2] = True, True, True
    artery = np.zeros_like(brain)
    assert slice_to_show(brain, artery) == 2
    artery[0, 0, 0] = True
    assert slice_to_show(brain, artery) == 2
    artery[1, 0, 0] = True
    assert slice_to_show(brain, artery) == 1


def test_coarse_pixels_stay_whole_in_the_crop():
    mask = np.zeros((20, 20), bool)
    mask[7:11, 9:13] = True
    view = head_view(Geometry(), mask, multiple=4, margin_mm=1)
    assert np.all(np.array([view.rows.start, view.rows.stop, view.columns.start, view.columns.stop]) % 4 == 0)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 730.0])
def test_limits_are_round_and_hold_nearly_everything(scale):
    values = scale * np.random.default_rng(0).normal(size=1000)
    limit = round_limit(values, 99)
    assert np.mean(np.abs(values) <= limit) >= 0.989
    assert limit / 10 ** np.floor(np.log10(limit)) == pytest.approx(round(limit / 10 ** np.floor(np.log10(limit)), 1))


def test_maps_do_not_depend_on_the_echo_time_that_is_assumed():
    series = bolus_series()
    one, other = (compute_maps(series.with_signal(series.signal, echo_time=te)) for te in (0.03, 0.05))
    for name in ("cbv", "cbf", "mtt", "ttp", "tmax"):
        change = np.abs(getattr(one, name) - getattr(other, name)).sum()
        assert change <= 1e-3 * np.abs(getattr(one, name)).sum()


def test_unknown_times_are_not_called_seconds():
    known = Series(np.ones((3, 1, 2, 2)), [0, 1.5, 3])
    unknown = Series(np.ones((3, 1, 2, 2)), [0, 4, 8], sources={"times": MISSING})
    assert (time_text(known, 1.5), time_axis_label(known)) == ("1.5 s", "time (s)")
    assert (time_text(unknown, 4.0), time_axis_label(unknown)) == ("frame 4", "frame")
