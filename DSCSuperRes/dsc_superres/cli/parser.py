"""The arguments of every sub-command, and the texts that teach them. Imports nothing heavy: ``--help`` is instant."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from dsc_superres import __version__

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
        _adapt,
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
    _in_out(parser)
    parser.add_argument("--space", type=_count, default=2, metavar="S", help="in-plane factor (default: 2)")
    parser.add_argument("--time", type=_count, default=4, metavar="T", help="factor in time (default: 4)")
    parser.add_argument(
        "--operator",
        choices=("block", "kspace"),
        default="block",
        help="mean over S x S pixels, or the centre of k-space (default: block)",
    )
    _timing(parser)
    _integer(parser)


def _reconstruct(commands: Commands) -> None:
    parser = _command(
        commands,
        "reconstruct",
        "reconstruct a series at finer pixels and more frames",
        "With --time T, n frames become T(n-1)+1, the frames of the input among them. Factors need not be whole.\n"
        "Models: ode-liif, ode-liif-plus (networks), backprojection, pchip, cubic, linear (interpolators), or a\n"
        ".safetensors file.",
        "dsc-superres reconstruct coarse.nii.gz fine.seq.nrrd --space 2 --time 4",
        "dsc-superres reconstruct scan.nii.gz fine.nii.gz --space 1.5 --interval 0.5 --model backprojection",
    )
    _in_out(parser)
    parser.add_argument("--space", type=_factor, default=2.0, metavar="S", help="in-plane factor (default: 2)")
    times = parser.add_mutually_exclusive_group()
    times.add_argument("--time", type=_factor, default=4.0, metavar="T", help="factor in time (default: 4)")
    times.add_argument("--interval", type=_seconds, metavar="SECONDS", help="time between frames, instead of --time")
    _model(parser)
    parser.add_argument(
        "--adapt", type=_positive, metavar="MINUTES", help="tune the network to IN first; kept only where that helps"
    )
    parser.add_argument(
        "--deviation", metavar="OUT2", help="write the standard deviation of the error too (ode-liif-plus)"
    )
    parser.add_argument("--fast", action="store_true", help="16-bit network: quicker on new processors and GPUs")
    _timing(parser)
    _integer(parser)


def _maps(commands: Commands) -> None:
    parser = _command(
        commands,
        "maps",
        "compute perfusion maps of a series with a contrast bolus",
        "Writes cbv.nii.gz (mL/100 g), cbf.nii.gz (mL/100 g/min), mtt.nii.gz, ttp.nii.gz and tmax.nii.gz (s), the\n"
        "arterial input aif.csv (time_s, delta_r2star) and provenance.json into OUTDIR, all or nothing.",
        "dsc-superres maps scan.nii.gz maps --te 0.030",
        "dsc-superres maps scan.nii.gz maps --aif maps/aif.csv --mask brain.nii.gz",
    )
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    parser.add_argument("output", metavar="OUTDIR", help="folder for the maps")
    parser.add_argument("--te", type=_seconds, metavar="S", help="echo time in seconds (default: from the file)")
    parser.add_argument("--aif", metavar="FILE.csv", help="arterial input function (default: found in the series)")
    parser.add_argument("--mask", default="auto", metavar="FILE|auto|none", help="the brain (default: auto)")
    parser.add_argument("--deviation", metavar="FILE", help="how sure IN is: what reconstruct --deviation wrote")
    parser.add_argument("--method", metavar="M", help="deconvolution: bayes, csvd, osvd or ssvd")
    parser.add_argument(
        "--kh-over-rho", type=_positive, metavar="X", help="haematocrit factor over density, mL/g (default: 0.705)"
    )
    parser.add_argument("--leakage", metavar="L", help="its correction: none, bsw or bidirectional (default: none)")
    parser.add_argument(
        "--threshold", type=_threshold, metavar="X|adaptive", help="of csvd and ssvd (default: 0.1, 0.2 as published)"
    )
    parser.add_argument(
        "--as-published", action="store_true", help="osvd exactly as published, where CBF depends on the delay"
    )
    parser.add_argument(
        "--integration-end", type=_seconds, metavar="S", help="end of CBV's areas after the arrival (default: chosen)"
    )
    parser.add_argument(
        "--baseline", type=float, nargs=2, metavar=("S", "S"), help="begin and end of the baseline (default: found)"
    )
    parser.add_argument("--tr", type=_seconds, metavar="S", help="time between frames (default: from the file)")
    _json_flag(parser)


def _compare(commands: Commands) -> None:
    parser = _command(
        commands,
        "compare",
        "measure a reconstruction against its ground truth",
        "NMSE, PSNR and SSIM, per frame and over the series, whole and in the brain. Frames pair up by time,\n"
        "voxels by position in patient space; the grids may be cropped differently but not shifted or scaled.",
        "dsc-superres compare fine.seq.nrrd scan.nii.gz --json metrics.json --difference difference.seq.nrrd",
    )
    parser.add_argument("recon", metavar="RECON", help="the reconstructed series")
    parser.add_argument("truth", metavar="TRUTH", help="the ground truth")
    parser.add_argument(
        "--mask", default="auto", metavar="FILE|auto|none", help="the brain, on the truth's grid (default: auto)"
    )
    parser.add_argument("--json", metavar="FILE", help="write all numbers there; - for standard output")
    parser.add_argument("--difference", metavar="OUT", help="write reconstruction minus truth as a series")


def _batch(commands: Commands) -> None:
    parser = _command(
        commands,
        "batch",
        "every series below a folder through reconstruction, maps and report, one folder each",
        "4D NIfTI and .seq.nrrd files and DICOM folders, at any depth; 3D images are passed over. What was done\n"
        "before with the same settings is not done again. A case that fails does not stop the others: the table at\n"
        "the end, also in DIR/batch.csv, says why, and the exit code is then 2.\n"
        "Needs Dask (pip install 'dsc-superres[cohort]').",
        "dsc-superres batch studies --out results --jobs 4",
        "dsc-superres batch studies --out results --scheduler tcp://cluster:8786",
    )
    parser.add_argument("input", metavar="IN", help="a folder of studies")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--task",
        choices=("enhance", "compare"),
        default="enhance",
        help="reconstruct each series, or under-sample it first and measure (default: enhance)",
    )
    parser.add_argument("--space", type=_factor, default=2.0, metavar="S", help="in-plane factor (default: 2)")
    parser.add_argument("--time", type=_factor, default=4.0, metavar="T", help="factor in time (default: 4)")
    _model(parser)
    _timing(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_count, default=1, metavar="N", help="cases at once on this machine (default: 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster's address, instead")
    parser.add_argument("--threads", type=_count, default=1, metavar="N", help="of each case (default: 1)")


def _adapt(commands: Commands) -> None:
    parser = _command(
        commands,
        "adapt",
        "tune the network to one series, without a ground truth",
        "Under-samples IN once more, tunes the network to give it back, and measures the gain on slices and frames\n"
        "that were held out. Writes the tuned weights, to be used with --model; where they gain nothing, writes none.",
        "dsc-superres adapt scan.nii.gz --minutes 5",
        "dsc-superres reconstruct scan.nii.gz fine.nii.gz --model scan.adapted.safetensors",
    )
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    parser.add_argument("--out", metavar="FILE", help="the weights (default: beside IN, IN.adapted.safetensors)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=_positive, default=5.0, metavar="M", help="how long to tune (default: 5)")
    length.add_argument("--steps", type=_count, metavar="K", help="how many steps instead, to do it the same again")
    parser.add_argument("--seed", type=_whole, default=0, metavar="N", help="of the random patches (default: 0)")
    _model(parser)
    _timing(parser)
    _json_flag(parser)


def _train(commands: Commands) -> None:
    parser = _command(
        commands,
        "train",
        "train a network as a configuration file says",
        "Resumes from the last checkpoint of the same run. Ctrl-C stops it; the same command goes on.",
        "dsc-superres train DSCSuperRes/dsc_superres/training/ode-liif.toml",
    )
    parser.add_argument("config", metavar="CONFIG", help="a .toml file")


def _benchmark(commands: Commands) -> None:
    parser = _command(
        commands,
        "benchmark",
        "print the tables that back this software's claims",
        "quality: models against each other on the validation patients; generalisation: the same over factors, noise,\n"
        "echo and repetition times; sampling: perfusion from samples every 6 s; perfusion: maps against known truth;\n"
        "speed: what a reconstruction costs on this machine; figures: pictures of what quality measures.\n"
        "Further arguments go to the benchmark; `dsc-superres benchmark quality --help` lists them.",
        "dsc-superres benchmark quality",
    )
    parser.add_argument(
        "which", choices=("quality", "generalisation", "sampling", "perfusion", "speed", "figures"), help="which table"
    )
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
    parser.add_argument("--out", default="demo-output", metavar="DIR", help="folder for the results (demo-output)")
    parser.add_argument("--figures", metavar="DIR", help="also write the report's figures there as PNG files")
    _model(parser)
    _timing(parser)


def _in_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", help="a dynamic series")
    parser.add_argument("output", metavar="OUT", help="where to write: .nii, .nii.gz or .seq.nrrd")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="ode-liif", metavar="NAME|FILE", help="default: ode-liif")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: auto")


def _integer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--integer", action="store_true", help="round to the input's own type, where that is one of whole numbers"
    )


def _timing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--te", type=_seconds, metavar="S", help="echo time in seconds, where the file has none")
    parser.add_argument("--tr", type=_seconds, metavar="S", help="time between its frames, where the file has none")


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive number")
    return value


def _threshold(text: str) -> float | str:
    return text if text == "adaptive" else _positive(text)


def _seconds(text: str) -> float:
    return _positive(text)


def _factor(text: str) -> float:
    value = _positive(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"the factor {text} is below 1")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 up")
    return int(text)


def _count(text: str) -> int:
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError("the number must be at least 1")
    return value
