"""What views really show: a view can have the right volumes and still be black."""

import qt

BRIGHT = 40
"""Lightness, 0..255, of a pixel that is not background."""


def brightShare(view) -> float:
    """The share of the pixels of a view (a widget) that are not background."""
    image = view.grab().toImage()
    places = [(x, y) for x in range(10, image.width() - 10, 8) for y in range(10, image.height() - 10, 8)]
    return sum(qt.QColor(image.pixel(x, y)).lightness() > BRIGHT for x, y in places) / len(places)


def checkIsBright(w, views: dict) -> None:
    """Fail where one of ``views`` (widgets by name) is black."""
    for name, view in views.items():
        share = brightShare(view)
        w.check(share > 0.05, f"{share:.1%} of the view {name} is not black")
