"""What each sub-command does. Every function takes the parsed arguments; heavy imports happen inside."""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_superres.cli.arguments import job_options, refuse_options
from dsc_superres.cli.progress_bar import progress_bar
from dsc_superres.errors import FileError
from dsc_superres.utils.progress import never
from dsc_superres.utils.standard_streams import write_note, write_output

if TYPE_CHECKING:
    from dsc_superres.jobs.job_result import JobResult
    from dsc_superres.jobs.types import Job

COMPARED = ("the reconstruction", "the ground truth")
"""What the two series of a comparison are called in its results."""


def info(options: argparse.Namespace) -> None:
    """What is in a file."""
    from dsc_superres.cli.show import series_facts, series_text
    from dsc_superres.io import read_series

    series = read_series(
        options.input,
        echo_time=options.echo_time,
        interval=options.frame_interval,
        series=options.series,
        echo=options.echo,
        stack=options.stack,
    )
    write_output(json.dumps(series_facts(series), indent=2) if options.json else series_text(series))


def simulate(options: argparse.Namespace) -> None:
    """A digital patient with its truth maps."""
    from dsc_superres.io import write_series, write_volume
    from dsc_superres.io.image_file import stem_of
    from dsc_superres.jobs.targets import check_is_ours, check_series_target
    from dsc_superres.utils.atomic_writing import atomic_files
    from dsc_superres.utils.ending import last_chance

    output = check_series_target(Path(options.output))
    stem = stem_of(output)
    with progress_bar("Simulating") as progress:
        from dsc_superres.phantom import digital_patient
        from dsc_superres.phantom.patient import TRUTH_MAPS

        names = {name: f"{stem}_{name}.nii.gz" for name in TRUTH_MAPS}
        for name in names.values():
            check_is_ours(output.with_name(name))
        progress(0.0, f"Digital patient {options.seed}")
        patient = digital_patient(options.seed, slices=options.slices)
        with atomic_files(output.parent) as (folder,):
            write_series(patient.series, folder / output.name, integer=True)
            for name, values in patient.truth_maps().items():
                write_volume(values, patient.series.geometry, folder / names[name])
            last_chance(never)
    write_note(f"Wrote {output.name} and its truth maps {stem}_*.nii.gz.")


def undersample(options: argparse.Namespace) -> None:
    """The coarse series of a fine one."""
    from dsc_superres.degrade import undersample as degrade
    from dsc_superres.io import read_series, write_series
    from dsc_superres.jobs.targets import check_series_target
    from dsc_superres.pipeline.case_options import FrameOptions
    from dsc_superres.pipeline.notes import series_notes
    from dsc_superres.pipeline.prepared_series import prepared_series
    from dsc_superres.utils.atomic_writing import atomic_paths
    from dsc_superres.utils.ending import last_chance

    output = check_series_target(Path(options.output), Path(options.input))
    series = read_series(
        options.input,
        echo_time=options.echo_time,
        interval=options.frame_interval,
        series=options.series,
        echo=options.echo,
        stack=options.stack,
    )
    with progress_bar("Under-sampling") as progress:
        series = prepared_series(series, FrameOptions(exclude=options.exclude, motion=options.motion), progress).series
    coarse = degrade(series, options.space, options.time, options.operator)
    notes = series_notes(series)
    with atomic_paths(output) as partial:
        write_series(coarse.described(notes=notes), partial[output], integer=options.integer)
        last_chance(never)
    _print_notes(*notes)


def reconstruct(options: argparse.Namespace) -> None:
    """A fine series of a coarse one; in a folder also its maps."""
    from dsc_superres.jobs.types import ReconstructJob

    _show_notes(_run_job(ReconstructJob(**job_options(options, ReconstructJob)), "Reconstructing"))


def maps(options: argparse.Namespace) -> None:
    """Perfusion maps into a folder."""
    from dsc_superres.jobs.types import MapsJob
    from dsc_superres.pipeline.checks import JobError

    paths = list(options.paths)
    if len(paths) != (2 if options.inputs is None else 1):
        raise JobError("Give a series and a folder for its maps; or --inputs and the folder alone.")
    single = {"input": paths.pop(0)} if options.inputs is None else {}
    result = _run_job(MapsJob(**job_options(options, MapsJob), **single, output=paths[0]), "Perfusion maps")
    _show_notes(result)
    if options.json:
        provenance = result.facts["provenance"]
        write_output(json.dumps(provenance["input"] if single else provenance, indent=2))


def compare(options: argparse.Namespace) -> None:
    """Metrics of a reconstruction, and the difference as a series."""
    from dsc_superres.cli.show import comparison_text
    from dsc_superres.comparison import compare as measure
    from dsc_superres.frames.excluded import without_frames
    from dsc_superres.io import read_series, write_series
    from dsc_superres.jobs.gate import check_outputs
    from dsc_superres.jobs.provenance import comparison_record
    from dsc_superres.jobs.read_input import shared_choice
    from dsc_superres.jobs.targets import check_is_ours, check_series_target
    from dsc_superres.pipeline.case_options import ImageOptions
    from dsc_superres.pipeline.masks import find_mask_or_none
    from dsc_superres.pipeline.notes import series_notes
    from dsc_superres.utils.atomic_writing import atomic_paths, write_json
    from dsc_superres.utils.ending import last_chance
    from dsc_superres.utils.versions import versions

    sources = [Path(options.recon), Path(options.truth)]
    difference = [Path(options.difference)] if options.difference else []
    report = [Path(options.json)] if options.json and options.json != "-" else []
    mask = [] if options.mask in ("auto", "none") else [Path(options.mask)]
    check_outputs([*report, *difference], [*sources, *mask])
    for path in difference:
        check_series_target(path, *sources)
    for path in report:
        check_is_ours(path)
    choice = ImageOptions(series=options.series, echo=options.echo, stack=options.stack)
    recon, truth = (
        read_series(path, name=name, interval=interval, **images)
        for path, name, interval, images in zip(
            sources, COMPARED, (None, options.frame_interval), shared_choice(sources, choice), strict=True
        )
    )
    truth = without_frames(truth, options.exclude)
    with progress_bar("Comparing") as progress:
        progress(0.1, "Metrics")
        result = measure(recon, truth, find_mask_or_none(options.mask, truth))
        notes = tuple(dict.fromkeys((*recon.notes, *series_notes(truth))))
        record = comparison_record(result, recon, truth, notes)
        with atomic_paths(*difference, *report) as partial:
            for path in difference:
                aligned = result.aligned
                written = truth.with_signal(
                    result.difference, times=aligned.times, geometry=aligned.geometry, name="difference"
                )
                provenance = {**recon.provenance, "role": "difference", "versions": versions()}
                write_series(written.described(notes=notes, provenance=provenance), partial[path])
            for path in report:
                write_json(partial[path], record)
            last_chance(never)
    _print_notes(*notes)
    if result.brain is None and options.mask != "none":
        write_note("Note: no brain was found, so there are numbers for the whole image only.")
    write_output(json.dumps(record, indent=2) if options.json == "-" else comparison_text(result))


def batch(options: argparse.Namespace) -> None:
    """Every series below a folder."""
    from dsc_superres.cli import batch as cohort
    from dsc_superres.jobs.types import CompareJob, ReconstructJob

    out = Path(options.out).absolute()
    cohort.check_out(out)
    cases = cohort.find_cases(Path(options.input), out)
    job_type, other = (CompareJob, ReconstructJob) if options.task == "compare" else (ReconstructJob, CompareJob)
    refuse_options(options, other, job_type)
    template = cohort.template(job_type, job_options(options, job_type))
    with progress_bar("Cases") as progress:
        ended = []

        def on_end(outcome: cohort.Outcome) -> None:
            ended.append(outcome)
            progress(len(ended) / len(cases), f"{len(ended)} of {len(cases)}: {outcome.case} {outcome.state}")

        outcomes = cohort.run(
            cases, template, scheduler=options.scheduler, jobs=options.jobs, threads=options.threads, on_end=on_end
        )
    cohort.write_table(outcomes, out)
    width = max(len(outcome.case) for outcome in outcomes)
    for outcome in outcomes:
        write_output(
            f"{outcome.case:<{width}}  {outcome.state:<11}  {outcome.seconds:7.1f} s  {outcome.message}".rstrip()
        )
    failed = sum(outcome.state == cohort.FAILED for outcome in outcomes)
    if failed:
        raise FileError(f"{failed} of {len(outcomes)} cases failed: the table says why.")


def run(options: argparse.Namespace) -> None:
    """What a job file says."""
    from dsc_superres.jobs.gate import check_job_file
    from dsc_superres.jobs.job_files import read_job

    job = read_job(options.job)
    check_job_file(job, Path(options.job))
    result = _run_job(job, "Job")
    _show_notes(result)
    write_output(json.dumps(result.to_dict(), indent=2))


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
        write_output(str(weights))


def benchmark(options: argparse.Namespace) -> None:
    """Hand over to ``dsc_superres.benchmark.MODULE.run(arguments)``."""
    from dsc_superres.cli.benchmarks import BENCHMARKS

    name = f"dsc_superres.benchmark.{BENCHMARKS[options.which]}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, "dsc_superres.benchmark"):
            raise
        raise FileError(f"The benchmark '{options.which}' is not part of this installation.") from error
    module.run(options.arguments)


def demo(options: argparse.Namespace) -> None:
    """The whole job with a report."""
    from dsc_superres.cli.demo import run as run_demo

    with progress_bar("Demo") as progress:
        result = run_demo(job_options(options, _compare_job()), options.figures, progress)
    _show_notes(result)
    write_output(f"Open {result.folder / result.files['report']} in a browser.")


def _compare_job() -> type:
    from dsc_superres.jobs.types import CompareJob

    return CompareJob


def _run_job(job: Job, title: str) -> JobResult:
    from dsc_superres.jobs.run import run_job

    with progress_bar(title) as progress:
        return run_job(job, progress)


def _show_notes(result: JobResult) -> None:
    _print_notes(*result.notes)


def _print_notes(*notes: str) -> None:
    for note in notes:
        write_note(f"Note: {note}")
