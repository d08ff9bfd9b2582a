"""What no DSC series has is named, with its cause and a way out; usual series give no sentence."""

from dataclasses import replace

import numpy as np
import pytest
from sample import bolus_series

from dsc_superres import undersample
from dsc_superres.geometry import Geometry
from dsc_superres.phantom import digital_patient
from dsc_superres.pipeline.series_warnings import series_warnings
from dsc_superres.series import MISSING, Series

FRAMES = 60
PEAK = 15
"""Frame in which the mean signal is lowest."""


def usual() -> Series:
    return bolus_series(frames=FRAMES)


def with_frames(change) -> Series:
    """The usual series after ``change`` of its signal[t, z, y, x]."""
    series = usual()
    signal = change(series.signal.copy())
    return series.with_signal(signal, times=1.5 * np.arange(len(signal)))


def exchanged(first: int, second: int):
    def change(signal):
        signal[[first, second]] = signal[[second, first]]
        return signal

    return change


def emptied(signal):
    signal[[5, 30, 31]] = 0
    return signal


def repeated(signal):
    signal[40] = signal[39]
    return signal


def delta_r2star(signal):
    s0 = signal[2:8].mean(axis=0)
    return np.where(s0 > 100, -np.log(np.maximum(signal, 1) / np.maximum(s0, 1)) / 0.03, 0)


def mirrored(signal):
    return np.maximum(2 * signal[1:8].mean(axis=0) - signal, 0)


def injected_twice(signal):
    noise = np.random.default_rng(1).normal(size=signal.shape)
    return np.concatenate([signal, signal + noise])


FLAWS = {
    "900 ms": replace(usual(), echo_time=0.9),
    "3 ms": replace(usual(), echo_time=0.003),
    "lie within 0.015 s": replace(usual(), times=np.linspace(0, 0.015, FRAMES)),
    "45 s apart": replace(usual(), times=45.0 * np.arange(FRAMES)),
    "pixels of 0.0035 x 0.0035 mm": replace(usual(), geometry=Geometry((0.0035, 0.0035, 5))),
    "far from square": replace(usual(), geometry=Geometry((3.5, 9.0, 5))),
    "slices 90 mm apart": replace(usual(), geometry=Geometry((3.5, 3.5, 90))),
    "field of view of 41 x 37 mm": replace(usual(), geometry=Geometry((1, 1, 1))),
    "Frames 5, 30 and 31 are empty": with_frames(emptied),
    "--exclude 5,30,31": with_frames(emptied),
    "Frame 40 repeats a frame before": with_frames(repeated),
    "the same image": with_frames(lambda signal: np.repeat(signal[:1], 20, axis=0)),
    "frames 4 and 13 changed places": with_frames(exchanged(4, 13)),
    "reverse order": with_frames(lambda signal: signal[::-1].copy()),
    "falls more than once": with_frames(injected_twice),
    "falls until the series ends": with_frames(lambda signal: signal[: PEAK + 1]),
    "of the fall are left": with_frames(lambda signal: signal[: PEAK + 6]),
    "begins after the bolus has arrived": with_frames(lambda signal: signal[PEAK:]),
    "No contrast bolus was found": bolus_series(frames=FRAMES, bolus=False),
    "concentrations (or Delta R2*)": with_frames(delta_r2star),
    "The signal rises where a bolus makes it fall": with_frames(mirrored),
}
"""Series with one flaw each, by what their only sentence says."""


@pytest.mark.parametrize("part", FLAWS)
def test_each_flaw_gives_its_one_sentence(part: str) -> None:
    (sentence,) = series_warnings(FLAWS[part])
    assert part in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("seed", [3001, 3002])
@pytest.mark.parametrize("interval", [1.0, 1.5, 2.5])
def test_a_usual_series_gives_none(seed: int, interval: float) -> None:
    protocol = {"repetition_time": interval, "snr": 25.0}
    series = digital_patient(seed, slices=1, frames=int(80 / interval), matrix=80, protocol=protocol).series
    for space, time in ((1, 1), (2, 2), (2, 4)):
        assert series_warnings(undersample(series, space, time)) == ()


def test_frames_without_times_are_looked_at_in_their_order() -> None:
    backward = with_frames(lambda signal: signal[::-1].copy())
    numbered = replace(backward, times=np.arange(FRAMES), sources={"times": MISSING})
    assert any("reverse order" in sentence for sentence in series_warnings(numbered))
    assert series_warnings(replace(usual(), times=np.arange(FRAMES), sources={"times": MISSING})) == ()


def test_a_reconstruction_has_the_warnings_of_what_it_was_made_of() -> None:
    repeated_frames = with_frames(repeated)
    reconstruction = repeated_frames.described(provenance=repeated_frames.derived("reconstruction"))
    assert series_warnings(reconstruction) == ()
