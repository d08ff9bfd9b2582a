"""The sample patient in Slicer's Sample Data module."""

from __future__ import annotations

import slicer

from .Opening import SAMPLE_NAME
from .Translation import _

CATEGORY = "DSCSuperRes"


def registerSampleData() -> None:
    """Offer the sample patient, where the Sample Data module is there."""
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
    """Made here, by the phantom, and in the background; Slicer stays usable until it is there."""
    import DSCSuperRes

    found: list = []

    def finished(sequence: slicer.vtkMRMLSequenceNode | None, error: str) -> None:
        found.append((sequence, error))

    workflow = DSCSuperRes.DSCSuperResLogic().workflow
    workflow.openFile(None, finished)
    while not found:
        slicer.app.processEvents()
    sequence, error = found[0]
    if error:
        raise RuntimeError(error)
    return [sequence]
