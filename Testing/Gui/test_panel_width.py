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
        boxes = [one for one in vars(controls.ui).values() if one.inherits("ctkCollapsibleButton")]
        for box in (getattr(panel.ui, f"{section.lower()}Section").layout().itemAt(0).widget(), *boxes):
            needed = box.layout().minimumSize().width()
            assert needed <= PANEL - SLICERS_MARGINS, (section, box.name, needed)
        height = panel.widget.heightForWidth(panel.widget.width)
        assert panel.widget.minimumHeight == height, "as high as its lines, wrapped as they are"
        assert not cutLabels(controls.ui)
        driver.picture(f"narrow {section}")
    window.resize(*size)
    driver.ui("Input").imageChoices.visible = False
    slicer.mrmlScene.Clear(0)


def test_lines_are_whole_beside_a_row_that_is_wider_than_the_panel(driver) -> None:
    driver.load()
    window, ui = slicer.util.mainWindow(), driver.ui("Perfusion")
    size, text = (window.width, window.height), ui.relativeCheckBox.text
    window.resize(PANEL, 760)
    driver.show(*driver.panel.sections)  # no height to spare
    ui.warningsLabel.text = "Lines of a warning that are wrapped at the width of the panel. " * 6
    ui.warningsLabel.visible = ui.relativeCheckBox.visible = True
    ui.relativeCheckBox.text = "A row that is wider than the panel, because a unit, a name or a translation is long"
    driver.settle()
    form = ui.warningsLabel.parent()
    assert form.height >= form.heightForWidth(form.width)
    assert not cutLabels(ui)
    ui.relativeCheckBox.text = text
    ui.warningsLabel.visible = False
    window.resize(*size)
    slicer.mrmlScene.Clear(0)


def cutLabels(ui) -> list[str]:
    """The visible labels that are not as high as their lines, wrapped at the width that they have."""
    labels = {name: one for name, one in vars(ui).items() if one.inherits("QLabel") and one.isVisible()}
    return [name for name, one in labels.items() if one.wordWrap and one.height < one.heightForWidth(one.width)]
