"""The user's choices, kept in the scene by one parameter node."""

from __future__ import annotations

from typing import Annotated

import slicer
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLSegmentationNode, vtkMRMLSequenceNode
from slicer.parameterNodeWrapper import Choice, Default, Minimum, WithinRange, parameterNodeWrapper, parameterPack

from dsc_superres.models import DEFAULT_MODEL
from dsc_superres.pipeline.case_options import MOTION

from .Tasks import COMPARE, ENHANCE

OPERATORS = ("block", "kspace")
METHODS = ("bayes", "csvd", "osvd", "ssvd")
LEAKAGE = ("none", "bsw", "bidirectional")
AIF = ("automatic", "candidate", "segment", "points", "file")
MASKS = ("automatic", "none", "segmentation", "file")
VEINS = ("none", "segmentation", "points", "file")
AT_ONCE = ("automatic", "on", "off")
REFERENCES = ("automatic", "none", "segmentation", "file")
COMPARISONS = ("mirrored", "white", "none")
COMPARED = ("reconstruction", "input")
FORMER_NAMES = {
    "reconstruct.deviation": "reconstruct.uncertainty",
    "look.plot": "display.plot",
    "look.region": "display.region",
    "look.relaxation": "display.relaxation",
    "look.segmentation": "display.segmentation",
}
"""Names of parameters in scenes saved by earlier versions, with their current names."""


@parameterPack
class InputParameters:
    """The series; ``repetitionTime`` (s) and ``echoTime`` (ms) replace the series' values unless they are 0.

    ``series``, ``echo`` and ``stack`` choose among the images of the next DICOM folder that is opened; 0 where there is
    but one. ``exclude`` are frames to leave out, counted from 0, such as "5, 17-19".
    """

    sequence: vtkMRMLSequenceNode
    series: Annotated[int, WithinRange(0, 999999), Default(0)]
    echo: Annotated[int, WithinRange(0, 99), Default(0)]
    stack: Annotated[int, WithinRange(0, 99), Default(0)]
    repetitionTime: Annotated[float, Minimum(0.0), Default(0.0)]
    echoTime: Annotated[float, Minimum(0.0), Default(0.0)]
    exclude: str
    motion: Annotated[str, Choice(MOTION), Default("warn")]


@parameterPack
class TaskParameters:
    """The task, and the range of frames and slices, which are counted from 1; a last one of 0 means to the end.

    ``regular`` is whether ``enhance`` uses ``interval`` (s) instead of the factor ``time``.
    """

    task: Annotated[str, Choice((COMPARE, ENHANCE)), Default(COMPARE)]
    space: Annotated[float, WithinRange(1, 8), Default(2.0)]
    time: Annotated[int, WithinRange(1, 20), Default(4)]
    regular: Annotated[bool, Default(False)]
    interval: Annotated[float, WithinRange(0.05, 10), Default(0.5)]
    operator: Annotated[str, Choice(OPERATORS), Default("block")]
    firstFrame: Annotated[int, Default(1)]
    lastFrame: Annotated[int, Default(0)]
    firstSlice: Annotated[int, Default(1)]
    lastSlice: Annotated[int, Default(0)]


@parameterPack
class ReconstructParameters:
    """Model, device, and further results of a run.

    ``uncertainty`` and ``fast`` have no effect on models that do not support them.
    """

    model: Annotated[str, Default(DEFAULT_MODEL)]
    device: Annotated[str, Default("auto")]
    maps: Annotated[bool, Default(True)]
    uncertainty: Annotated[bool, Default(False)]
    fast: Annotated[bool, Default(True)]


@parameterPack
class DisplayParameters:
    """The plot below the views and its region. The display of volumes is stored in their display nodes."""

    plot: Annotated[str, Default("cursor")]
    region: Annotated[str, Default("brain")]
    relaxation: Annotated[bool, Default(False)]
    artery: Annotated[bool, Default(True)]
    segmentation: vtkMRMLSegmentationNode


@parameterPack
class PerfusionParameters:
    """Options of map computation. The display of maps is stored in their display nodes.

    aif            source of the arterial input: ``candidate`` (one of those found, by number), ``segment``, ...
    aifSegment     its id; the first segment if it does not exist
    ownBaseline    whether the baseline goes from ``baselineStart`` to ``baselineEnd`` (s) instead of being found
    integrationEnd end of the integration for CBV, s after the arrival of the bolus; 0: chosen from the series
    khOverRho      mL/g; 0 is the default, and so it is for ``threshold`` (of SVD) and ``oscillation`` (of oSVD)
    adaptiveThreshold  whether the threshold is chosen from the noise, instead of ``threshold``
    asPublished    oSVD exactly as published
    spatialPrior   Bayesian: neighboring voxels have similar transit times and delays
    mask           source of the brain mask
    reference      source of the white matter that relative maps refer to
    vein           source of a large vein, to whose area the arterial input is scaled
    atOnce         whether maps are computed as soon as an artery was picked; ``automatic``: if that is fast
    regions        the segments for statistics
    comparison     what segments are compared with
    hideFluid, hideVessels  whether maps are shown without these
    scales         color scales that the user chose, as JSON: see ``ChosenScales``
    """

    method: Annotated[str, Choice(METHODS), Default("bayes")]
    leakage: Annotated[str, Choice(LEAKAGE), Default("none")]
    aif: Annotated[str, Choice(AIF), Default("automatic")]
    candidate: Annotated[int, Default(0)]
    aifSegmentation: vtkMRMLSegmentationNode
    aifSegment: str
    aifPoints: vtkMRMLMarkupsFiducialNode
    aifFile: str
    ownBaseline: Annotated[bool, Default(False)]
    baselineStart: Annotated[float, Default(0.0)]
    baselineEnd: Annotated[float, Default(10.0)]
    integrationEnd: Annotated[float, Minimum(0.0), Default(0.0)]
    khOverRho: Annotated[float, WithinRange(0.0, 10.0), Default(0.0)]
    threshold: Annotated[float, WithinRange(0.0, 0.99), Default(0.0)]
    adaptiveThreshold: Annotated[bool, Default(False)]
    oscillation: Annotated[float, WithinRange(0.0, 1.0), Default(0.0)]
    asPublished: Annotated[bool, Default(False)]
    spatialPrior: Annotated[bool, Default(True)]
    mask: Annotated[str, Choice(MASKS), Default("automatic")]
    maskSegmentation: vtkMRMLSegmentationNode
    maskFile: str
    reference: Annotated[str, Choice(REFERENCES), Default("automatic")]
    referenceSegmentation: vtkMRMLSegmentationNode
    referenceFile: str
    vein: Annotated[str, Choice(VEINS), Default("none")]
    veinSegmentation: vtkMRMLSegmentationNode
    veinPoints: vtkMRMLMarkupsFiducialNode
    veinFile: str
    atOnce: Annotated[str, Choice(AT_ONCE), Default("automatic")]
    compared: Annotated[str, Choice(COMPARED), Default("reconstruction")]
    regions: vtkMRMLSegmentationNode
    comparison: Annotated[str, Choice(COMPARISONS), Default("mirrored")]
    hideFluid: Annotated[bool, Default(False)]
    hideVessels: Annotated[bool, Default(False)]
    scales: str


@parameterPack
class ExportParameters:
    """The exported files; ``folder`` is empty before one is chosen."""

    folder: str
    sequence: Annotated[bool, Default(True)]
    nifti: Annotated[bool, Default(False)]
    mapsNifti: Annotated[bool, Default(True)]
    mapsNrrd: Annotated[bool, Default(False)]
    mapsDicom: Annotated[bool, Default(True)]
    tables: Annotated[bool, Default(True)]
    screenshots: Annotated[bool, Default(True)]
    report: Annotated[bool, Default(True)]


@parameterNodeWrapper
class Parameters:
    """All parameters; ``result`` is the id of the selected run."""

    input: InputParameters
    task: TaskParameters
    reconstruct: ReconstructParameters
    display: DisplayParameters
    perfusion: PerfusionParameters
    export: ExportParameters
    result: str


def renameFormerParameters(node: slicer.vtkMRMLScriptedModuleNode) -> None:
    """Rename the parameters of a node from an earlier version; must precede ``Parameters(node)``."""
    with slicer.util.NodeModify(node):
        for former, name in FORMER_NAMES.items():
            if node.HasParameter(former):  # only in a node that was just read
                node.SetParameter(name, node.GetParameter(former))
                node.UnsetParameter(former)
            referenced = node.GetNodeReferenceID(former)
            if referenced:
                node.SetNodeReferenceID(name, referenced)
                node.RemoveNodeReferenceIDs(former)
