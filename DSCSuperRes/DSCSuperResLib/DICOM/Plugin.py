"""The plugin of Slicer's DICOM browser: dynamic series become sequences with times, as *Open DICOM folder...* does."""

from __future__ import annotations

import logging
from pathlib import Path

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin

from dsc_superres.errors import DSCError

from ..Scene.Sequences.NewSequence import volumeOf
from ..Sections.InputSection import showInViews
from ..Translation import _
from .DynamicSeries import TAGS, DynamicSeries, findDynamicSeries

CHOSEN = 1.05
"""Slightly more than the 1.0 of other plugins for dynamic series, which give the frames numbers instead of times."""
OFFERED = 0.6
"""Of series that may be anything: more than the 0.5 of a stack of slices, less than that of others."""


class DSCSuperResDICOMPluginClass(DICOMPlugin):
    """Offers a dynamic MR series, each echo apart, and loads it in the background process."""

    def __init__(self) -> None:
        super().__init__()
        self.loadType = _("Perfusion series with times")
        self.tags.update(TAGS)

    def examineFiles(self, files: list[str]) -> list[DICOMLoadable]:
        """Return what can be loaded of the series of ``files``."""
        if not files:
            return []
        found = findDynamicSeries(files, lambda file, name: slicer.dicomDatabase.fileValue(file, self.tags[name]) or "")
        if found is None:
            return []
        several = len(found.echoes) > 1
        return [self._loadable(files, found, echo) for echo in (range(1, len(found.echoes) + 1) if several else (0,))]

    def load(self, loadable: DICOMLoadable) -> bool:
        """Load the series as a sequence, and choose it as the input of the module. Returns whether it was loaded."""
        logic = slicer.util.getModuleLogic("DSCSuperRes").workflow
        echo = getattr(loadable, "echo", 0)
        try:
            sequence = logic.openNow(
                [Path(file) for file in loadable.files], images={"echo": echo} if echo else {}, name=loadable.nodeName
            )
        except DSCError as error:
            logging.error(str(error))
            slicer.util.errorDisplay(str(error), windowTitle=loadable.name)
            return False
        self.addSeriesInSubjectHierarchy(loadable, volumeOf(sequence))
        logic.setInput(sequence, logic.parameters())
        showInViews(sequence)
        return True

    def _loadable(self, files: list[str], found: DynamicSeries, echo: int) -> DICOMLoadable:
        loadable = DICOMLoadable()
        loadable.files, loadable.echo = list(files), echo
        loadable.nodeName = self._title(files[0])
        loadable.name = _("{series}: {frames} with times, for perfusion").format(
            series=loadable.nodeName,
            frames=_("a dynamic series") if found.frames is None else _("{count} frames").format(count=found.frames),
        )
        if echo:
            loadable.nodeName += _(" echo {number}").format(number=echo)
            loadable.name += _(", echo {number} ({time} ms)").format(number=echo, time=f"{found.echoes[echo - 1]:g}")
        loadable.tooltip = _("Volume sequence with the frames' times in seconds, and the echo time.")
        loadable.selected = found.isPerfusion
        loadable.confidence = CHOSEN if found.isPerfusion else OFFERED
        return loadable

    def _title(self, file: str) -> str:
        """Return number and description of the series, as Slicer names it."""
        number, title = (
            slicer.dicomDatabase.fileValue(file, self.tags[name]) for name in ("seriesNumber", "seriesDescription")
        )
        return ": ".join(filter(None, (number, title))) or _("Dynamic series")
