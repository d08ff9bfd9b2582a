"""What the views show of a result, as plain values: volume, overlay, title and legend of each view.

Everything that is drawn follows from one ``Shown``, which is kept with the result and saved with the scene.
``CompareLayout.assign`` makes the views agree with it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

import slicer

from ...Translation import _
from ..Attributes import setAttributes
from ..Maps.Maps import DIFFERENCES, SD_SUFFIX, SOURCES, mapNode
from ..Result import ROLE, UNCERTAINTY, Result
from .Difference import UNIT, shownDifference
from .MapColors import legendTitle
from .SliceViews import ROLES, VIEWS

SHOWN = "DSCSuperRes.Shown"
"""Attribute of the browser of a result: what its views show."""


@dataclass(frozen=True)
class Shown:
    """What is chosen to be seen of a result.

    overlay   name of the map over the images, such as "cbv" or "cbv_sd"; ``UNCERTAINTY`` for that of the signal; or ""
    opacity   of the overlay, 0..1
    compared  the source whose map is compared with that of the ground truth
    legends   whether the scales of colors are shown
    """

    overlay: str = ""
    opacity: float = 1.0
    compared: str = "reconstruction"
    legends: bool = True


@dataclass(frozen=True)
class View:
    """What one view shows: roles of the volume and of what lies over it, and the titles of view and legend, or "".

    The legend is that of the overlay; of the volume, where there is none.
    """

    title: str
    volume: str
    overlay: str = ""
    legend: str = ""


def shownOf(result: Result) -> Shown:
    """Return what is chosen to be seen of ``result``; where nothing is known, the images alone."""
    browser = result.node("browser")
    text = browser.GetAttribute(SHOWN) if browser is not None else None
    if text is None:
        return _shownBefore(result)
    known = {field.name for field in fields(Shown)}
    return Shown(**{name: value for name, value in json.loads(text).items() if name in known})


def setShown(result: Result, shown: Shown) -> None:
    """Keep what is chosen to be seen of ``result``."""
    browser = result.node("browser")
    if browser is not None:
        setAttributes(browser, {SHOWN: json.dumps(asdict(shown))})


def viewsOf(result: Result) -> dict[str, View]:
    """Return what each view of ``result`` shows, by role."""
    shown = shownOf(result)
    return {
        role: _differenceView(result, shown) if role == "difference" else _sourceView(result, role, shown)
        for role in ROLES[result.task]
    }


def viewTitle(role: str) -> str:
    """Return the title of a view."""
    titles = {
        "truth": _("Ground truth"),
        "input": _("Input"),
        "reconstruction": _("Reconstruction"),
        "difference": _("Difference"),
    }
    return titles[role]


def uncertaintyTitle() -> str:
    """Return the title of the legend of the uncertainty of the signal."""
    return _("Uncertainty, 1 sd ({unit})").format(unit=UNIT)


def differenceTitle(absolute: bool) -> str:
    """Return the title of the legend of the difference of the signal."""
    title = _("Abs. difference ({unit})") if absolute else _("Difference ({unit})")
    return title.format(unit=UNIT)


def _sourceView(result: Result, role: str, shown: Shown) -> View:
    title, volume = result.title(role) or viewTitle(role), f"{role}.proxy"
    if shown.overlay == UNCERTAINTY:
        if role == "reconstruction" and result.sequence(UNCERTAINTY) is not None:
            return View(title, volume, f"{UNCERTAINTY}.proxy", uncertaintyTitle())
    elif shown.overlay and mapNode(result, shown.overlay, role) is not None:
        return View(title, volume, f"map.{shown.overlay}.{role}", legendTitle(shown.overlay, role))
    return View(title, volume)


def _differenceView(result: Result, shown: Shown) -> View:
    """The difference of the map that is seen; beside its uncertainty, too. Without one, that of the signal."""
    title, name, difference = (
        viewTitle("difference"),
        shown.overlay.removesuffix(SD_SUFFIX),
        DIFFERENCES[shown.compared],
    )
    if name not in ("", UNCERTAINTY) and mapNode(result, name, difference) is not None:
        if shown.compared == "input" and not result.title("truth"):
            title = _("Input - ground truth")
        return View(title, f"map.{name}.{difference}", legend=legendTitle(name, difference))
    volume = result.proxy("difference")
    absolute = volume is not None and shownDifference(volume)[1]
    return View(title, "difference.proxy", legend=differenceTitle(absolute))


def _shownBefore(result: Result) -> Shown:
    """Return what is seen in a scene that was saved by an earlier version: what lies over the reconstruction."""
    view = result.scene.GetSingletonNode(VIEWS["reconstruction"].tag, "vtkMRMLSliceNode")
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(view) if view is not None else None
    volume = result.scene.GetNodeByID(composite.GetForegroundVolumeID() or "") if composite is not None else None
    if volume is None:
        return Shown()
    if volume is result.proxy(UNCERTAINTY):
        return Shown(UNCERTAINTY, composite.GetForegroundOpacity())
    role = (volume.GetAttribute(ROLE) or "").split(".")
    if len(role) == 3 and role[2] in SOURCES and mapNode(result, role[1], role[2]) is volume:
        return Shown(role[1], composite.GetForegroundOpacity())
    return Shown()
