"""What each sub-command does. Every function takes the parsed arguments; heavy imports happen inside."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.cli.progress_bar import progress_bar
from dsc_superres.errors import FileError

if TYPE_CHECKING:
    from dsc_superres.series import Series


def info(options: argparse.Namespace) -> None:
    """What is in a file."""
    from dsc_superres.cli.show import series_facts, series_text
    from dsc_superres.io import read_series

    series = read_series(options.input)
    print(json.dumps(series_facts(series), indent=2) if options.json else series_text(series))


def simulate(options: argparse.Namespace) -> None:
    """A digital patient with its truth maps."""
    from dsc_superres.io import write_series, write_volume
    from dsc_superres.io.image_file import stem_of
    from dsc_superres.utils.atomic_writing import atomic_folder

    output = _series_target(options.output)
    with progress_bar("Simulating") as report:
        from dsc_superres.phantom import digital_patient

        report(0.0, f"Digital patient {options.seed}")
        patient = digital_patient(options.seed, slices=options.slices)
        stem = stem_of(output)
        with atomic_folder(output.parent) as folder:
            write_series(patient.series, folder / output.name, integer=True)
            for name, values in patient.truth_maps().items():
                write_volume(values, patient.series.geometry, folder / f"{stem}_{name}.nii.gz")
    print(f"Wrote {output.name} and its truth maps {stem}_*.nii.gz.", file=sys.stderr)


def undersample(options: argparse.Namespace) -> None:
    """A coarse series of a fine one."""
    from dsc_superres.degrade import undersample as degrade
    from dsc_superres.io import write_series

    output = _series_target(options.output, options.input)
    coarse = degrade(_read(options), options.space, options.time, options.operator)
    write_series(coarse, output, integer=options.integer)


def reconstruct(options: argparse.Namespace) -> None:
    """A fine series of a coarse one, and how sure it is."""
    output = _series_target(options.output, options.input)
    uncertainty_file = _series_target(options.uncertainty, options.input) if options.uncertainty else None
    series = _read(options)
    names = ("space", "time", "interval", "model", "device")
    chosen = {name: getattr(options, name) for name in names}
    with progress_bar("Reconstructing") as report:
        from dsc_superres.io import write_series
        from dsc_superres.pipeline.jobs import Job
        from dsc_superres.reconstruction import reconstruct as work
        from dsc_superres.reconstruction.adaptation_step import own_network, tuning_note

        job = Job("enhance", output, **chosen, adapt_minutes=options.adapt)
        network, adaptation, report = own_network(series, job, report, lambda: False)
        chosen |= {"model": network, "fast": options.fast, "progress": report}
        if uncertainty_file is None:
            fine = work.reconstruct(series, **chosen)
        else:
            fine, uncertainty = work.reconstruct_with_uncertainty(series, **chosen)
            write_series(uncertainty, uncertainty_file)
        write_series(fine, output, integer=options.integer)
    if adaptation is not None:
        print(f"Note: {tuning_note(adaptation)}", file=sys.stderr)
    _say_notes(series, options)


def _say_notes(series: Series, options: argparse.Namespace) -> None:
    from dsc_superres.models import INTERPOLATORS
    from dsc_superres.reconstruction.training_range import outside_training_range

    if options.model not in INTERPOLATORS:
        for note in outside_training_range(series, options.space):
            print(f"Note: {note}", file=sys.stderr)


def maps(options: argparse.Namespace) -> None:
    """Perfusion maps into a folder."""
    import numpy as np

    from dsc_superres.io import read_series
    from dsc_superres.perfusion import MapOptions, compute_maps, read_aif_csv
    from dsc_superres.perfusion.propagation import check_uncertainty, with_signal_uncertainty
    from dsc_superres.pipeline.masks import find_mask
    from dsc_superres.pipeline.results import maps_provenance, write_maps
    from dsc_superres.utils.atomic_writing import atomic_folder

    names = ("method", "kh_over_rho", "leakage", "threshold", "as_published", "integration_end")
    chosen = {name: getattr(options, name) for name in names}
    chosen["baseline"] = tuple(options.baseline) if options.baseline else None
    settings = MapOptions(**{name: value for name, value in chosen.items() if value is not None})
    aif = read_aif_csv(options.aif) if options.aif else None
    series = _read(options)
    uncertainty = read_series(options.uncertainty) if options.uncertainty else None
    if uncertainty is not None:
        check_uncertainty(uncertainty, series)
    with progress_bar("Perfusion maps") as report, atomic_folder(options.output) as folder:
        report(0.1, "Brain mask")
        mask = find_mask(options.mask, series)
        report(0.3, "Arterial input and deconvolution")
        mask = np.ones(series.signal.shape[1:], bool) if mask is None else mask
        found = compute_maps(series, aif=aif, mask=mask, options=settings)
        if uncertainty is not None:
            found = with_signal_uncertainty(found, series, uncertainty)
        report(0.9, "Writing")
        write_maps(found, series.geometry, folder)
    for warning in found.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    if options.json:
        print(json.dumps(maps_provenance(found), indent=2))


def compare(options: argparse.Namespace) -> None:
    """Metrics of a reconstruction, and the difference as a series."""
    from dsc_superres.cli.show import comparison_text
    from dsc_superres.io import read_series, write_series
    from dsc_superres.metrics import compare as measure
    from dsc_superres.pipeline.case import find_mask_or_none
    from dsc_superres.utils.atomic_writing import write_json

    difference = _series_target(options.difference, options.recon, options.truth) if options.difference else None
    recon, truth = read_series(options.recon), read_series(options.truth)
    with progress_bar("Comparing") as report:
        report(0.1, "Metrics")
        result = measure(recon, truth, find_mask_or_none(options.mask, truth))
        if difference:
            aligned = result.aligned
            written = truth.with_signal(
                result.difference, times=aligned.times, geometry=aligned.geometry, name="difference"
            )
            write_series(written, difference)
        if options.json and options.json != "-":
            write_json(options.json, result.to_dict())
    if result.brain is None and options.mask != "none":
        print("Note: no brain was found, so there are numbers for the whole image only.", file=sys.stderr)
    print(json.dumps(result.to_dict(), indent=2) if options.json == "-" else comparison_text(result))


def batch(options: argparse.Namespace) -> None:
    """Every series below a folder."""
    from dsc_superres.cli import batch as cohort

    # Each case runs in another process with a job file of its own, where a relative path would mean something else.
    out = Path(options.out).absolute()
    cases = cohort.find_cases(Path(options.input), out)
    settings = {name: getattr(options, name) for name in ("task", "space", "time", "device")}
    model = Path(options.model)
    settings["model"] = str(model.absolute()) if model.suffix == ".safetensors" else options.model
    settings |= {"echo_time": options.te, "frame_interval": options.tr, "report": True}
    with progress_bar("Cases") as report:
        ended = []

        def told(outcome: cohort.Outcome) -> None:
            ended.append(outcome)
            report(len(ended) / len(cases), f"{len(ended)} of {len(cases)}: {outcome.case} {outcome.state}")

        outcomes = cohort.run(
            cases, settings, scheduler=options.scheduler, jobs=options.jobs, threads=options.threads, told=told
        )
    cohort.write_table(outcomes, out / "batch.csv")
    width = max(len(outcome.case) for outcome in outcomes)
    for outcome in outcomes:
        print(f"{outcome.case:<{width}}  {outcome.state:<11}  {outcome.seconds:7.1f} s  {outcome.message}".rstrip())
    failed = sum(outcome.state == cohort.FAILED for outcome in outcomes)
    if failed:
        raise FileError(f"{failed} of {len(outcomes)} cases failed: the table says why.")


def adapt(options: argparse.Namespace) -> None:
    """Weights tuned to one series, where that helps."""
    from dsc_superres.io.image_file import stem_of
    from dsc_superres.utils.atomic_writing import check_target

    source = Path(options.input)
    output = Path(options.out or source.with_name(f"{stem_of(source)}.adapted.safetensors"))
    check_target(output)
    series = _read(options)
    from dsc_superres.reconstruction.adaptation import adapt as tune
    from dsc_superres.reconstruction.adaptation import write_adaptation

    with progress_bar("Adapting") as report:
        chosen = {name: getattr(options, name) for name in ("minutes", "steps", "model", "device", "seed")}
        found = tune(series, **chosen, report=report)
    told = write_adaptation(found, options.model, output)
    if options.json:
        print(json.dumps(told, indent=2))
        return
    verdict = "no gain: the original weights are kept" if found.kept else f"written to {output.name}"
    print(f"held out: {found.before:.2f} dB before, {found.after:.2f} dB after {found.steps} steps; {verdict}")


def train(options: argparse.Namespace) -> None:
    """Train as a configuration file says."""
    if not Path(options.config).is_file():
        raise FileError(f"The configuration {options.config} does not exist.")
    import logging

    from dsc_superres.training.train import train as run

    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    level = logging.INFO if first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    weights = run(options.config)
    if first:
        print(weights)


def benchmark(options: argparse.Namespace) -> None:
    """Hand over to ``dsc_superres.benchmark.NAME.run(arguments)``."""
    name = f"dsc_superres.benchmark.{options.which}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, "dsc_superres.benchmark"):
            raise
        raise FileError(f"The benchmark '{options.which}' is not part of this installation.") from error
    module.run(options.arguments)


def demo(options: argparse.Namespace) -> None:
    """The whole job with a report."""
    from dsc_superres.cli.demo import Demo, run

    with progress_bar("Demo") as report:
        series = _read(options) if options.input else None
        page, no_maps = run(Demo(series, Path(options.out), options.model, options.device, options.figures), report)
    if no_maps:
        print(f"Note: {no_maps}", file=sys.stderr)
    print(f"Open {page} in a browser.")


def _read(options: argparse.Namespace) -> Series:
    from dsc_superres.io import read_series

    return read_series(options.input, echo_time=options.te, interval=options.tr)


def _series_target(name: str, *inputs: str) -> Path:
    """The path of a series to write; refused before the work, not after it, and where it is one of the ``inputs``."""
    from dsc_superres.io.image_file import check_sidecar_is_free

    path = Path(name)
    if not path.name.lower().endswith((".nii", ".nii.gz", ".seq.nrrd")):
        raise FileError(f"{path.name} is not a name for a series: end it in .nii, .nii.gz or .seq.nrrd.")
    if not path.absolute().parent.is_dir():
        raise FileError(f"The folder {path.parent} does not exist: create it first.")
    if not os.access(path.absolute().parent, os.W_OK):
        raise FileError(f"The folder {path.parent} cannot be written: choose another one.")
    if any(path.exists() and Path(read).exists() and path.samefile(read) for read in inputs):
        raise FileError(f"{path.name} is the input itself: choose another name for the output.")
    check_sidecar_is_free(path)
    return path
