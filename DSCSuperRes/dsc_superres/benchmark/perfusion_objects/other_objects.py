"""Objects off the model: other arteries, residues, frame times, and delays off any grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsc_superres.benchmark.perfusion_objects import reference_objects as objects
from dsc_superres.benchmark.perfusion_objects.map_errors import COVERED, QUANTITIES, covered, errors, share, values
from dsc_superres.benchmark.shared.text_tables import TextTable
from dsc_superres.perfusion.gamma_variate import GammaVariate

NOISE = (100.0, 50.0, 20.0)
RESIDUES = ("exp", "box", "gamma", "lorentzian", "biexponential", "dispersed")
OF_MODEL = RESIDUES[:3]
NARROW = GammaVariate(1.0, onset=11.3, alpha=2.4, beta=0.8, recirculation=0.4, delay=9.0, dispersion=15.0)
BROAD = GammaVariate(1.0, onset=10.4, alpha=3.2, beta=2.6, recirculation=0.5, delay=12.0, dispersion=40.0)
DISPERSED = GammaVariate(1.0, onset=12.1, alpha=1.1, beta=4.0, recirculation=0.3, delay=14.0, dispersion=25.0)
RECIRCULATING = GammaVariate(1.0, onset=12.9, alpha=3.0, beta=1.4, recirculation=1.1, delay=7.0, dispersion=18.0)
WORSE_RATIO = 1.1
"""An error is clearly worse above this ratio to the other, ..."""
WORSE_DIFFERENCE = {"CBV": 0.5, "CBF": 0.5, "MTT": 0.5, "Tmax": 0.1}
"""... and above this difference: points of %, Tmax s."""


@dataclass(frozen=True, eq=False)
class Setting:
    """An artery as it is sampled: frame times[t] (s), its peak over its noise, and the factor by which it is measured.

    ``scale`` is undone in the truth: CBV and CBF can only be judged against the artery that is given.
    """

    aif: GammaVariate = objects.STANDARD_AIF
    times: np.ndarray | None = None
    aif_snr: float = np.inf
    scale: float = 1.0


def settings() -> dict[str, Setting]:
    """Return the settings by name."""
    random = np.random.default_rng(11)
    even = 1.5 * np.arange(60)
    jitter = even + np.append(0, random.uniform(-0.5, 0.5, 59))
    slowing = np.append(np.arange(0, 50, 1.5), np.arange(50, 120, 5.0))
    return {
        "narrow artery": Setting(NARROW),
        "broad artery": Setting(BROAD),
        "dispersed artery": Setting(DISPERSED),
        "recirculating artery": Setting(RECIRCULATING),
        "other artery, every 1.37 s": Setting(objects.OTHER_AIFS[0], 1.37 * np.arange(60)),
        "noisy wide artery": Setting(objects.OTHER_AIFS[1], aif_snr=40.0),
        "artery at 0.7 of its height": Setting(scale=0.7),
        "every 3 s": Setting(times=3.0 * np.arange(40)),
        "frames jitter by 0.5 s": Setting(times=jitter),
        "frames 1.5 s, then 5 s": Setting(objects.OTHER_AIFS[0], slowing),
        "two baseline frames": Setting(times=7.0 + even),
    }


def other_tables(count: int = 30) -> list[TextTable]:
    """Return tables of all settings, noise levels and residues, of pooled errors by method, and of coverage."""
    rows, pooled, inside = [], {}, {}
    for number, (name, setting) in enumerate(settings().items()):
        for snr in NOISE:
            made = _object(setting, snr, count, seed=17 * number + int(snr))
            maps = {method: values(made, method) for method in ("csvd", "bayes")}
            held = covered(maps["bayes"], made)
            for residue in RESIDUES:
                chosen = made.residue == residue
                few, part = _part(made, chosen), {m: _chosen(found, chosen) for m, found in maps.items()}
                for method, found in part.items():
                    cover = share(held[:, chosen]) if method == "bayes" else ("",) * 4
                    rows.append((name, snr, residue, method, *errors(found, few), *cover))
                    for key in (name, residue):
                        pooled.setdefault((key, method), []).append(errors(found, few))
                inside.setdefault((snr, residue in OF_MODEL), []).append(held[:, chosen])
    columns = ("object", "SNR", "residue", "method", *QUANTITIES, *COVERED)
    title = "Other objects: median error %, mean delay error s, and how many % of 95 % intervals hold the truth"
    return [TextTable(title, columns, tuple(rows)), _comparison_table(rows, pooled), _coverage(inside)]


def _object(setting: Setting, snr: float, count: int, seed: int) -> objects.ReferenceObject:
    times = 1.5 * np.arange(60) if setting.times is None else setting.times
    cases = objects.random_cases(RESIDUES, count, seed)
    made = objects.reference_object(cases, times, snr, aif=setting.aif, seed=seed, aif_snr=setting.aif_snr)
    truth = {name: made.truth[name] / (setting.scale if name in ("cbv", "cbf") else 1) for name in made.truth}
    return replace(made, arterial=setting.scale * made.arterial, truth=truth)


def _part(made: objects.ReferenceObject, chosen: np.ndarray) -> objects.ReferenceObject:
    return replace(
        made,
        signal=made.signal[:, chosen],
        truth=_chosen(made.truth, chosen),
        residue=made.residue[chosen],
    )


def _chosen(found: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, np.ndarray]:
    return {name: numbers[chosen] for name, numbers in found.items()}


def _comparison_table(rows: list[tuple], pooled: dict[tuple[str, str], list[tuple[float, ...]]]) -> TextTable:
    """Mean errors by setting and by residue, and in how many rows the Bayesian method is clearly worse."""
    own, classic = (np.array([row[4:8] for row in rows if row[3] == method], float) for method in ("bayes", "csvd"))
    slack = np.array([WORSE_DIFFERENCE[name] for name in QUANTITIES])
    worse = (own > WORSE_RATIO * classic) & (own > classic + slack)
    lines = []
    for key in (*settings(), *RESIDUES):
        mean = [np.mean(pooled[key, method], axis=0) for method in ("bayes", "csvd")]
        lines.append((key, *(f"{bayesian:.1f} / {other:.1f}" for bayesian, other in zip(*mean, strict=True))))
    lines.append(("clearly worse", *(f"{n} of {len(worse)}" for n in worse.sum(axis=0))))
    title = "Bayesian method / cSVD on other objects, SNR 100, 50 and 20: median error %, mean delay error s"
    return TextTable(title, ("object or residue", *QUANTITIES), tuple(lines), headline=True)


def _coverage(inside: dict[tuple[float, bool], list[np.ndarray]]) -> TextTable:
    rows = [
        ("exp, box, gamma" if of_model else "Lorentzian, bi-exponential, dispersed", snr, *share(np.hstack(found)))
        for (snr, of_model), found in sorted(inside.items(), key=lambda item: (not item[0][1], -item[0][0]))
    ]
    rows += [
        (
            "all",
            snr,
            *share(np.concatenate([held for key, found in inside.items() if key[0] == snr for held in found], 1)),
        )
        for snr in NOISE
    ]
    title = "How many % of 95 % intervals hold the truth, other objects"
    return TextTable(title, ("residues", "SNR", *QUANTITIES), tuple(rows), headline=True)
