"""The quality benchmark: what it measures, and the table it prints."""

import numpy as np
import pytest

from dsc_superres.benchmark.quality import Case, evaluate, insert, table
from dsc_superres.errors import FileError
from dsc_superres.series import Series

TIMES = np.arange(25) * 1.5


def case() -> Case:
    """A bolus through smooth tissue, without an arterial input of its own."""
    y, x = np.mgrid[:32, :32]
    still = 500 + 200 * np.sin(x / 3) * np.cos(y / 4)
    bolus = np.maximum(TIMES - 9, 0) ** 3 * np.exp(-np.maximum(TIMES - 9, 0) / 1.5)
    curve = np.exp(-0.7 * bolus / bolus.max())
    clean = Series(still * curve[:, None, None, None], TIMES, echo_time=0.03)
    noisy = clean.with_signal(clean.signal + np.random.default_rng(0).normal(0, 5, clean.signal.shape))
    return Case("made", noisy, clean, np.ones((1, 32, 32), bool), None)


def test_bolus_frames_are_those_of_low_signal() -> None:
    frames = np.flatnonzero(case().bolus)
    assert frames[0] >= 6
    assert 9 in frames
    assert frames[-1] < 20


def test_measures_and_table() -> None:
    records = evaluate(case, ["backprojection", "linear"], 2, 4) * 2
    best, worst = records[0], records[1]
    assert best["psnr_clean"] > worst["psnr_clean"]
    assert best["nmse"] < worst["nmse"]
    truth, recon = case().truth.signal, best
    assert recon["psnr"] < 20 * np.log10(truth.max() / 5) + 0.5  # nothing beats the truth's own noise by much
    text = table(records)
    assert text.splitlines()[0].endswith("| backprojection | linear |")
    assert f"{best['psnr']:.2f} ± 0.00 | {worst['psnr']:.2f} ± 0.00" in text


def test_lead_is_paired_and_signed() -> None:
    records = [
        {"case": str(i), "model": model, "psnr": base + gain, "nmse": 2.0 - gain / 10}
        for i, base in enumerate((30.0, 35.0, 32.0))
        for model, gain in (("mine", 1.0 + 0.1 * i), ("pchip", 0.0), ("cubic", -0.5))
    ]
    head, _, psnr, nmse = table(records).splitlines()
    assert head.endswith("| mine − best classic (95 % CI) |")
    assert psnr.endswith("| **+1.10** (+0.85 to +1.35), pchip |")
    assert "**-0.110**" in nmse


@pytest.mark.parametrize("missing", ["peak", "cbv"])
def test_measures_a_case_does_not_have_are_left_out(missing: str) -> None:
    records = [{"case": "a", "model": "pchip", "psnr": 30.0}]
    assert missing not in table(records)


def test_table_goes_between_its_marks(tmp_path) -> None:
    document = tmp_path / "README.md"
    document.write_text("before\n<!-- quality -->\nold\n<!-- /quality -->\nafter\n")
    insert(document, "quality", "new")
    assert document.read_text() == "before\n<!-- quality -->\nnew\n<!-- /quality -->\nafter\n"
    with pytest.raises(FileError, match="no marks"):
        insert(document, "speed", "new")
