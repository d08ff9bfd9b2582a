"""The sample patient in Slicer's Sample Data module."""

from __future__ import annotations

import slicer

from .Jobs.BackgroundJob import Finished
from .Jobs.OpeningJob import SAMPLE_NAME
from .Translation import _

CATEGORY = "DSCSuperRes"


def registerSampleData() -> None:
    """Offer the sample patient, where the Sample Data module exists."""
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
        thumbnailFileName="",
        customDownloader=_simulate,
    )


def _simulate(source: object = None) -> list[slicer.vtkMRMLNode]:
    """Simulate the sample patient in the background; Slicer stays responsive until its sequence is in the scene."""
    import DSCSuperRes

    outcomes: list[Finished] = []
    workflow = DSCSuperRes.DSCSuperResLogic().workflow
    workflow.openFile(None, outcomes.append)
    while not outcomes:
        slicer.app.processEvents()
    if outcomes[0].result is None:
        raise RuntimeError(outcomes[0].error)
    return [outcomes[0].result]
