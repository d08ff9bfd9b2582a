"""The panel fits the left side of a small screen, whatever the names of series and results."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer

pytestmark = pytest.mark.usefixtures("slotErrors")
PANEL = 360
"""Pixels that the panel may need, of which Slicer's own margins take a part."""
SLICERS_MARGINS = 36


def test_every_section_fits_a_narrow_panel(driver) -> None:
    driver.load((32, 32, 2), 33)
    name = "A series with a name that is longer than any line of a panel, as scanners write them 2026-11-28 10-31-27"
    driver.parameters.input.sequence.SetName(name)
    driver.choose("Reconstruct", "modelSelector", "linear")
    driver.start()
    driver.finish()
    panel, window = driver.panel, slicer.util.mainWindow()
    assert name in panel.ui.resultSelector.toolTip
    assert name in driver.ui("Input").sequenceSelector.toolTip
    size = (window.width, window.height)
    window.resize(PANEL, 760)
    for section, controls in panel.sections.items():
        driver.show(section)
        for widget in vars(controls.ui).values():
            if widget.inherits("ctkCollapsibleButton"):
                widget.collapsed = False
        driver.ui("Input").imageChoices.visible = True
        driver.settle()
        needed = panel.widget.minimumSizeHint.width()
        assert needed <= PANEL - SLICERS_MARGINS, (section, needed)
        height = panel.widget.heightForWidth(panel.widget.width)
        assert panel.widget.minimumHeight == height, "as high as its lines, wrapped as they are"
        driver.picture(f"narrow {section}")
    window.resize(*size)
    driver.ui("Input").imageChoices.visible = False
    slicer.mrmlScene.Clear(0)
