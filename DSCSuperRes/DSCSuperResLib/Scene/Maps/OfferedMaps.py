"""The maps that Slicer's selectors offer: those of the reconstruction, and of every series the one that is shown.

All others stay in the scene, hidden, for a result has some sixty.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..Result import Result
from ..Selectors import offer
from .Maps import PRODUCTS, SOURCES, mapNodes, relativeMap, scaleIsTrusted


def offerMaps(result: Result, shown: str, difference: str) -> Iterator[None]:
    """Offer the maps called ``shown`` ("" for none), of differences only ``difference``; and what the run was for.

    Of CBV and CBF these are the maps relative to white matter, where absolute ones cannot be read. Yields after each
    map that was hidden or offered anew.
    """
    trusted = scaleIsTrusted(result)
    products = {name if trusted else relativeMap(result, name) for name in PRODUCTS}
    for (name, source), node in mapNodes(result).items():
        isSeen = name == shown and source in (*SOURCES, difference)
        isProduct = source == "reconstruction" and name in products
        if node.GetHideFromEditors() == (isSeen or isProduct):
            offer(result, node, isSeen or isProduct)
            yield
