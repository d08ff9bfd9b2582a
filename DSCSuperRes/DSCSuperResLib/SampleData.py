"""The sample patient in Slicer's Sample Data module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import slicer

from .Jobs.OpenSeries import SAMPLE_NAME
from .Logic import Logic
from .Sections.InputSection import showInViews
from .Translation import _

CATEGORY = "DSCSuperRes"


def registerSampleData(makeLogic: Callable[[], Logic], picture: Path) -> None:
    """Add the sample patient to the Sample Data module, if there is one, with ``picture`` on its tile.

    ``makeLogic`` creates the logic.
    """
    try:
        from SampleData import SampleDataLogic
    except ImportError:
        return
    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, _("DSC Super-Resolution"))
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        uris="",
        fileNames="",
        nodeNames=SAMPLE_NAME,
        thumbnailFileName=str(picture),
        customDownloader=lambda source=None: _simulate(makeLogic()),
    )


def _simulate(workflow: Logic) -> list[slicer.vtkMRMLNode]:
    """Simulate the sample patient in the background; Slicer stays responsive until its sequence is in the scene."""
    sequence = workflow.openNow(None)
    showInViews(sequence)
    return [sequence]
