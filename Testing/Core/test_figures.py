"""The figures of the quality benchmark: which slice, which moments, and what is drawn."""

from dataclasses import replace

import numpy as np

from dsc_superres.benchmark.figures import frames_figure, maps_figure, moments, one_slice, paletted, picture
from dsc_superres.benchmark.image_quality.benchmark_cases import BenchmarkCase
from dsc_superres.report.style import png
from dsc_superres.series import Series

TIMES = np.arange(41) * 1.5


def case() -> BenchmarkCase:
    """Three slices of a bolus through smooth tissue; a lesion in the last one."""
    y, x = np.mgrid[:32, :32]
    still = np.stack([500 + z + 200 * np.sin(x / 3) * np.cos(y / 4) for z in range(3)])
    bolus = np.maximum(TIMES - 15, 0) ** 3 * np.exp(-np.maximum(TIMES - 15, 0) / 1.5)
    clean = Series(still * np.exp(-0.7 * bolus / bolus.max())[:, None, None, None], TIMES, echo_time=0.03)
    noisy = clean.with_signal(clean.signal + np.random.default_rng(0).normal(0, 2, clean.signal.shape))
    lesion = np.zeros(still.shape, bool)
    lesion[2, 8:12, 8:12] = True
    return BenchmarkCase("made", noisy, clean, np.ones(still.shape, bool), None, {"lesion": lesion})


def test_the_slice_with_the_lesion_is_shown() -> None:
    np.testing.assert_array_equal(one_slice(case()).clean.signal, case().clean.signal[:, 2:])
    plain = one_slice(replace(case(), regions=None))
    np.testing.assert_array_equal(plain.truth.signal, case().truth.signal[:, 1:2])


def test_moments_were_not_acquired_and_follow_the_bolus() -> None:
    found = moments(one_slice(case()), 4)
    assert all(frame % 4 for frame in found.values())
    assert list(found.values()) == sorted(set(found.values()))
    assert abs(TIMES[found["Peak"]] - 19.5) <= 1.5


def test_figures_are_drawn_with_differences_to_the_truth() -> None:
    shown = picture(case(), ["pchip", "linear"], 2, 4)
    assert shown.titles == ["Noise-free truth", "PCHIP", "Linear"]
    assert len(frames_figure(shown).axes) == 8 * 4  # two rows for each moment: three images and a color bar
    figure = maps_figure(shown)
    assert len(figure.axes) == 4 * 4
    content = png(figure, 40)
    assert len(paletted(content)) < len(content)
