"""The quality benchmark: what it measures, and the table it prints."""

from dataclasses import replace

import numpy as np
import pytest

from dsc_superres.benchmark.image_quality.benchmark_cases import BenchmarkCase, tissue_regions
from dsc_superres.benchmark.image_quality.quality_text import BRIEF, brief, differences, text, text_by_case
from dsc_superres.benchmark.measured_models import labels, variant
from dsc_superres.benchmark.quality import _compared, evaluate
from dsc_superres.benchmark.shared.documents import insert
from dsc_superres.errors import FileError, ModelError
from dsc_superres.phantom import anatomy
from dsc_superres.series import Series

TIMES = np.arange(25) * 1.5


def case() -> BenchmarkCase:
    """A bolus through smooth tissue, without an arterial input of its own."""
    y, x = np.mgrid[:32, :32]
    still = 500 + 200 * np.sin(x / 3) * np.cos(y / 4)
    bolus = np.maximum(TIMES - 9, 0) ** 3 * np.exp(-np.maximum(TIMES - 9, 0) / 1.5)
    curve = np.exp(-0.7 * bolus / bolus.max())
    clean = Series(still * curve[:, None, None, None], TIMES, echo_time=0.03)
    noisy = clean.with_signal(clean.signal + np.random.default_rng(0).normal(0, 5, clean.signal.shape))
    return BenchmarkCase("made", noisy, clean, np.ones((1, 32, 32), bool), None)


def test_bolus_frames_are_those_of_low_signal() -> None:
    frames = np.flatnonzero(case().bolus)
    assert frames[0] >= 6
    assert 9 in frames
    assert frames[-1] < 20


def test_measures_and_tables() -> None:
    records = evaluate(case, ["backprojection", "linear"], 2, 4) * 2
    best, worst = records[0], records[1]
    assert best["psnr_clean"] > worst["psnr_clean"]
    assert best["nmse"] < worst["nmse"]
    assert best["nmse_between"] < worst["nmse_between"]
    truth, recon = case().truth.signal, best
    assert recon["psnr"] < 20 * np.log10(truth.max() / 5) + 0.5  # nothing beats the truth's own noise by much
    told = text(records)
    assert "| | backprojection | linear |" in told
    assert f"| **{best['psnr']:.2f} ± 0.00** | {worst['psnr']:.2f} ± 0.00 |" in told
    assert best["cost"]["parameters"] == 0
    assert best["cost"]["seconds"] > 0
    assert "| backprojection | 0 | " in told


def test_errors_of_tissues_are_told_apart_where_they_are_known() -> None:
    labels = np.full((1, 32, 32), anatomy.GRAY, np.uint8)
    labels[..., 16:], labels[:, 0, :9] = anatomy.WHITE, anatomy.ARTERY
    known = replace(case(), regions=tissue_regions(labels, case().mask))
    found = evaluate(lambda: known, ["linear"], 2, 4)[0]
    assert {"cbv_gray", "cbf_white", "mtt", "tmax"} <= set(found)
    assert min(found["cbf_gray"], found["cbf_white"]) < found["cbf"] < max(found["cbf_gray"], found["cbf_white"])
    assert "cbv_vessel" not in found  # nine voxels are too few
    assert "cbv_gray" not in evaluate(case, ["linear"], 2, 4)[0]


def made(psnr_gain: float = 1.0, count: int = 3) -> list[dict]:
    """``mine`` is better than ``pchip`` in each of ``count`` cases, that differ among themselves."""
    return [
        {"case": str(i), "model": model, "psnr": base + gain, "nmse": base / 10 * ratio, "mtt": base * ratio**side}
        for i, base, side in zip(range(count), (30.0, 35.0, 32.0), (1, -1, 1), strict=False)
        for model, gain, ratio in (("mine", psnr_gain + 0.1 * i, 0.75), ("pchip", 0.0, 1.0))
    ]


def test_differences_are_paired_and_those_of_errors_are_ratios() -> None:
    told = differences(made(), "mine")
    assert "| PSNR, dB | **+1.10** (+0.85 to +1.35) |" in told
    assert "| NMSE, change of the error in % | **-25** (-25 to -25) |" in told
    assert "| MTT, change of the error in % | -9 (" in told  # its interval holds zero
    assert "*-1.10* (-1.35 to -0.85)" in differences(made(), "pchip")


def test_brief_table_sets_the_others_beside_the_first_model() -> None:
    records = [record | {"cost": {"parameters": 7, "seconds": 0.5}} for record in made()]
    for record in records:
        record |= {name: record.get(name, 1.0) for name in BRIEF}
        record["psnr_clean"] = record["psnr"]
    first, other = [line for line in brief(records).splitlines() if line.endswith("| 7 | 0.500 |")]
    assert first.startswith("| mine | ")
    assert "±" in first
    assert other.startswith("| pchip | *-1.10* (-1.35 to -0.85) | ")


def test_one_case_has_no_intervals_and_measured_series_stand_apart() -> None:
    assert "±" not in text(made(count=1), ["mine"])
    assert "against each other" not in text(made(count=1), ["mine"])
    assert text_by_case(made()).count("image quality") == 3


def test_a_series_without_a_bolus_has_no_bolus_frames_and_no_maps() -> None:
    still = case().truth.with_signal(np.broadcast_to(case().truth.signal[:1], case().truth.signal.shape))
    plain = BenchmarkCase("still", still, still, case().mask, None)
    records = evaluate(lambda: plain, ["linear", "pchip"], 2, 4)
    assert not {"psnr_bolus", "nmse_bolus", "cbv", "psnr_clean"} & set(records[0])
    told = text_by_case(records)
    assert "| PSNR, frames not acquired, dB |" in told  # to the series itself
    assert "perfusion" not in told
    assert "noise-free" not in told


def test_a_measure_that_some_cases_lack_says_so() -> None:
    records = made()
    for record in records[:2]:
        del record["mtt"]
    assert "| MTT, % (2 of 3) |" in text(records)
    assert "peak" not in text(records)


def test_models_of_one_file_name_are_called_by_their_folders() -> None:
    assert labels(["ode-liif", "a/x.safetensors"]) == {"ode-liif": "ode-liif", "a/x.safetensors": "x"}
    assert list(labels(["m", "a/m.safetensors", "b/m.safetensors"]).values()) == ["m", "a", "b"]


def test_a_model_can_be_evaluated_otherwise() -> None:
    assert variant("ode-liif@step=0.5,method=euler").solving == {**variant("ode-liif").solving} | {
        "step": 0.5,
        "method": "euler",
    }
    assert variant("ode-liif-plus@views=1").detail.views == 1
    for wrong in ("ode-liif@views=1", "ode-liif@step=x", "ode-liif@depth=2"):
        with pytest.raises(ModelError, match="cannot be changed in ode-liif"):
            variant(wrong)
    assert labels(["ode-liif", "ode-liif@step=0.5"])["ode-liif@step=0.5"] == "ode-liif@step=0.5"


def test_compared_models_are_named_as_in_the_tables() -> None:
    models = ["pchip", "a/x.safetensors", "ode-liif"]
    assert _compared(None, models) == ["x"]
    assert _compared(["ode-liif", "a/x.safetensors"], models) == ["ode-liif", "x"]
    with pytest.raises(ModelError, match="not among the models"):
        _compared(["videoinr"], models)


def test_table_goes_between_its_marks(tmp_path) -> None:
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- quality -->\nold\n<!-- /quality -->\nafter\n")
    insert(document, "quality", "new")
    assert document.read_text() == "before\n<!-- quality -->\nnew\n<!-- /quality -->\nafter\n"
    with pytest.raises(FileError, match="no marks"):
        insert(document, "speed", "new")
