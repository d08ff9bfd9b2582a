"""The arguments of every sub-command, and the texts that teach them. Imports nothing heavy: ``--help`` is instant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from dsc_superres.cli.arguments import add_options
from dsc_superres.cli.benchmarks import BENCHMARKS
from dsc_superres.jobs.types import CompareJob, MapsJob, ReconstructJob
from dsc_superres.models import DEFAULT_MODEL_WITH_UNCERTAINTY, entries, names
from dsc_superres.pipeline.case_options import FrameOptions, ImageOptions, ReadingOptions, options_of
from dsc_superres.version import __version__

PER_CASE = ("input", "output", "times", "slice_times", "geometry", "aif_voxels", "aif_series")
"""Options that belong to one series, so that a batch cannot have them."""

Commands = Any
"""What ``add_subparsers`` returns; argparse keeps its type to itself."""

FORMATS = """IN and OUT are chosen by name: .nii or .nii.gz (4D NIfTI), .seq.nrrd (a sequence that 3D Slicer opens),
and, for reading, a folder of DICOM files."""

ABOUT = f"""Spatio-temporal super-resolution of DSC perfusion MRI, and the perfusion maps that follow.
Not a medical device: for research, not for diagnosis or treatment.

{FORMATS}

start here:
  dsc-superres demo                             everything at once, on a digital patient: open demo-output/report.html
  dsc-superres info scan.nii.gz                 what is in a file, and what is missing
  dsc-superres reconstruct scan.nii.gz fine.seq.nrrd --space 2 --time 4
  dsc-superres maps fine.seq.nrrd maps --te 0.030

`dsc-superres COMMAND --help` explains a command and shows an example."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the texts, and leaves room for the names of options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=110)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, without the usage block."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; ``options.run(options)`` does the work."""
    parser = Parser(prog="dsc-superres", description=ABOUT, formatter_class=Formatter)
    parser.add_argument("--version", action="version", version=f"dsc-superres {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for add in (
        _info,
        _simulate,
        _undersample,
        _reconstruct,
        _maps,
        _compare,
        _batch,
        _run,
        _train,
        _benchmark,
        _demo,
    ):
        add(commands)
    return parser


def _command(commands: Commands, name: str, summary: str, text: str, *examples: str) -> argparse.ArgumentParser:
    """A sub-command whose work is the function of the same name in ``cli.commands``."""
    lines = "\n".join(f"  {example}" for example in examples)
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{text}",
        epilog=f"example:\n{lines}",
        formatter_class=Formatter,
    )
    parser.set_defaults(run=_later(name))
    return parser


def _later(name: str) -> Callable[[argparse.Namespace], None]:
    def run(options: argparse.Namespace) -> None:
        getattr(import_module("dsc_superres.cli.commands"), name)(options)

    return run


def _info(commands: Commands) -> None:
    parser = _command(
        commands,
        "info",
        "what is in a file: matrix, spacing, frames, times, echo time, and what is missing",
        FORMATS,
        "dsc-superres info scan.nii.gz",
        "dsc-superres info dicom-folder --json",
    )
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    add_options(parser, ReconstructJob, leave_out=_all_but(ReconstructJob, *options_of(ReadingOptions)))
    _json_flag(parser)


def _simulate(commands: Commands) -> None:
    parser = _command(
        commands,
        "simulate",
        "write a digital patient with its truth maps",
        "The same seed always gives the same patient. Beside OUT lie its truth maps, named after it:\n"
        "OUT_cbv (mL/100 g), OUT_cbf (mL/100 g/min), OUT_mtt, OUT_tmax and OUT_delay (s), OUT_tissue and OUT_mask\n"
        "(.nii.gz).",
        "dsc-superres simulate patient.seq.nrrd --seed 7 --slices 4",
    )
    parser.add_argument("output", metavar="OUT", help=".nii, .nii.gz or .seq.nrrd")
    parser.add_argument("--seed", type=_whole, required=True, metavar="N", help="which patient: 0, 1, 2, ...")
    parser.add_argument("--slices", type=_count, metavar="K", help="only so many slices (default: the whole brain)")


def _undersample(commands: Commands) -> None:
    parser = _command(
        commands,
        "undersample",
        "make the coarse series that a faster scan would have given",
        "Keeps every T-th frame and makes the pixels S x S times coarser in plane; the geometry stays exact, so that\n"
        "both series overlay. Rows, columns and frames at the end that do not fill a block are left out.",
        "dsc-superres undersample scan.nii.gz coarse.nii.gz --space 2 --time 4",
    )
    _series_in_out(parser)
    parser.add_argument("--space", type=_count, default=2, metavar="S", help="in-plane factor (default: 2)")
    parser.add_argument("--time", type=_count, default=4, metavar="T", help="factor in time (default: 4)")
    parser.add_argument(
        "--operator",
        choices=("block", "kspace"),
        default="block",
        help="mean over S x S pixels, or the centre of k-space (default: block)",
    )
    kept = (*options_of(ReadingOptions), *options_of(FrameOptions), "integer")
    add_options(parser, ReconstructJob, leave_out=_all_but(ReconstructJob, *kept))


def _reconstruct(commands: Commands) -> None:
    parser = _command(
        commands,
        "reconstruct",
        "reconstruct a series at finer pixels and more frames",
        "With --time T, n frames become T(n-1)+1, the frames of the input among them. Factors need not be whole.\n"
        "OUT is a file for the reconstruction alone, with OUT.provenance.json beside it, or a folder, which also gets\n"
        "perfusion maps, metrics and provenance.\n\n" + _models_text(),
        "dsc-superres reconstruct coarse.nii.gz fine.seq.nrrd --space 2 --time 4",
        "dsc-superres reconstruct scan.nii.gz fine.nii.gz --space 1.5 --interval 0.5 --model backprojection",
        f"dsc-superres reconstruct scan.nii.gz results --model {DEFAULT_MODEL_WITH_UNCERTAINTY} --uncertainty --report",
    )
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    parser.add_argument("output", metavar="OUT", help="a file (.nii, .nii.gz, .seq.nrrd) or a folder")
    add_options(parser, ReconstructJob, leave_out=("input", "output"))


def _maps(commands: Commands) -> None:
    parser = _command(
        commands,
        "maps",
        "compute perfusion maps of a series with a contrast bolus",
        "Writes cbv.nii.gz (mL/100 g), cbf.nii.gz (mL/100 g/min), mtt.nii.gz, ttp.nii.gz and tmax.nii.gz (s), the\n"
        "arterial input aif.csv (time_s, delta_r2star) and provenance.json into OUTDIR, all or nothing. Several\n"
        "series of one scan (--inputs instead of IN) share one arterial input; each gets a folder in OUTDIR.",
        "dsc-superres maps scan.nii.gz maps --te 0.030",
        "dsc-superres maps scan.nii.gz again --aif maps/aif.csv --mask brain.nii.gz",
        "dsc-superres maps out --inputs truth=scan.nii.gz reconstruction=fine.nii.gz",
    )
    parser.add_argument("paths", metavar="IN OUTDIR", nargs="+", help="a dynamic series, and the folder for the maps")
    add_options(parser, MapsJob, leave_out=("input", "output"))
    parser.add_argument("--json", action="store_true", help="print the provenance as JSON")


def _compare(commands: Commands) -> None:
    parser = _command(
        commands,
        "compare",
        "measure a reconstruction against its ground truth",
        "Measures two series that are there; the task compare of job files and batch, and demo, under-sample first.\n"
        "NMSE, PSNR and SSIM, per frame and over the series, whole and in the brain. Frames pair up by time,\n"
        "voxels by position in patient space; the grids may be cropped differently but not shifted or scaled.\n"
        "--exclude leaves frames of TRUTH out; --tr is its frame interval; --series, --echo and --stack are for both.",
        "dsc-superres compare fine.seq.nrrd scan.nii.gz --json metrics.json --difference difference.seq.nrrd",
    )
    parser.add_argument("recon", metavar="RECON", help="the reconstructed series")
    parser.add_argument("truth", metavar="TRUTH", help="the ground truth")
    parser.add_argument(
        "--mask", default="auto", metavar="FILE|auto|none", help="the brain, on the truth's grid (default: auto)"
    )
    parser.add_argument("--json", metavar="FILE", help="write all numbers there; - for standard output")
    parser.add_argument("--difference", metavar="OUT", help="write reconstruction minus truth as a series")
    add_options(
        parser, CompareJob, leave_out=_all_but(CompareJob, "exclude", "frame_interval", *options_of(ImageOptions))
    )


def _batch(commands: Commands) -> None:
    parser = _command(
        commands,
        "batch",
        "every series below a folder through reconstruction, maps and report, one folder each",
        "4D NIfTI and .seq.nrrd files and DICOM folders, at any depth; 3D images are passed over. What was done\n"
        "before with the same settings is not done again. A case that fails does not stop the others: the table at\n"
        "the end, also in DIR/batch.csv, says why, and the exit code is then 2.\n"
        "--scheduler needs Dask (pip install 'dsc-superres[cohort]').",
        "dsc-superres batch studies --out results --jobs 4",
        "dsc-superres batch studies --out results --scheduler tcp://cluster:8786",
    )
    parser.add_argument("input", metavar="IN", help="a folder of studies")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--task",
        choices=("reconstruct", "compare", "enhance"),
        metavar="reconstruct|compare",
        default="reconstruct",
        help="reconstruct each series, or under-sample it first and measure (default: reconstruct)",
    )
    for job_type in (ReconstructJob, CompareJob):
        add_options(parser, job_type, leave_out=(*PER_CASE, "report", *_added(parser)), folders_only=True)
    parser.set_defaults(report=True)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_count, default=1, metavar="N", help="cases at once on this machine (default: 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster's address, instead")
    parser.add_argument("--threads", type=_count, default=1, metavar="N", help="of each case (default: 1)")


def _run(commands: Commands) -> None:
    parser = _command(
        commands,
        "run",
        "do what a job file says",
        "A job is a JSON object: its task (reconstruct, compare, maps, export or open) and its options, the same as\n"
        "those of the commands, with _ for -. Paths are relative to the job file. The result is printed as JSON.",
        "dsc-superres run job.json",
    )
    parser.add_argument("job", metavar="JOB", help="a .json file")


def _train(commands: Commands) -> None:
    parser = _command(
        commands,
        "train",
        "train a network as a configuration file says",
        "Resumes from the last checkpoint of the same run. Ctrl-C stops it; the same command goes on.",
        "dsc-superres train recipe.toml",
    )
    parser.add_argument("config", metavar="CONFIG", help="a .toml file")


def _benchmark(commands: Commands) -> None:
    parser = _command(
        commands,
        "benchmark",
        "print the tables that back this software's claims, and train the networks again",
        "quality: models against each other on the validation patients; generalization: the same over factors, noise,\n"
        "echo and repetition times; sampling: perfusion from samples every 6 s; perfusion: maps against known truth;\n"
        "motion: heads that move, and what their correction leaves; adaptation: what adapting to one scan claims and\n"
        "does; speed: what a reconstruction costs on this machine;\n"
        "figures: pictures of what quality measures.\n"
        "heads: download or check the public head volumes of training; retrain: train the networks that ship again,\n"
        "stage by stage; train: train one of the networks that are compared with; publish: a run's weights and card.\n"
        "Further arguments go to the benchmark; `dsc-superres benchmark quality --help` lists them.",
        "dsc-superres benchmark quality",
        "dsc-superres benchmark retrain --list",
    )
    parser.add_argument("which", choices=tuple(BENCHMARKS), metavar="NAME", help="which: see above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def _demo(commands: Commands) -> None:
    parser = _command(
        commands,
        "demo",
        "the whole job on one series, with a report to look at",
        "Under-samples IN (2 x 2 in plane, 4 x in time), reconstructs that with ODE-LIIF and the interpolators,\n"
        "computes perfusion maps and compares with IN. The folder holds series and maps that 3D Slicer opens, and\n"
        "report.html. Without IN the demo makes a digital patient, whose truth is known.",
        "dsc-superres demo",
        "dsc-superres demo scan.nii.gz --out result",
    )
    parser.add_argument("input", metavar="IN", nargs="?", help="a dynamic series (default: a digital patient)")
    parser.add_argument(
        "--out", dest="output", default="demo-output", metavar="DIR", help="folder for the results (demo-output)"
    )
    parser.add_argument("--figures", metavar="DIR", help="also write the report's figures there as PNG files")
    add_options(parser, CompareJob, leave_out=("input", "output", "report"), folders_only=True)
    parser.set_defaults(report=True)


def _models_text() -> str:
    """The models to choose from, one a line."""
    width = max(map(len, names()))
    lines = [f"  {entry.name:{width}}  {entry.description}" for entry in entries()]
    return "\n".join(["Models:", *lines, "or a .safetensors file with the weights of one."])


def _series_in_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    parser.add_argument("output", metavar="OUT", help="where to write: .nii, .nii.gz or .seq.nrrd")


def _all_but(job_type: type, *names: str) -> set[str]:
    return set(options_of(job_type)) - set(names)


def _added(parser: argparse.ArgumentParser) -> set[str]:
    return {action.dest for action in parser._actions}


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 up")
    return int(text)


def _count(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError("the number must be at least 1")
    return value
