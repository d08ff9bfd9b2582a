"""The plugin of the DICOM browser, on real files: what it offers, and what it loads."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)

import slicer
from dicom_sample import SLICES, classic, enhanced, save

FRAMES = 12
pytestmark = pytest.mark.usefixtures("slotErrors")


def dynamic(t: int, z: int, **tags):
    """An image of a series of 1.5 s a frame."""
    made = classic(t % 3, z, **{"SeriesDescription": "ep2d_perf", **tags})
    made.InstanceNumber = 1 + t * SLICES + z
    made.AcquisitionTime = f"1000{30 + 1.5 * t:04.1f}"
    return made


def series(folder, make=dynamic, frames: int = FRAMES) -> list[str]:
    places = [(t, z) for t in range(frames) for z in range(SLICES)]
    return sorted(map(str, save(folder, [make(t, z) for t, z in places]).iterdir()))


@pytest.fixture
def plugin(driver, monkeypatch):
    """The plugin, as the DICOM module makes it."""
    import standin.dicom

    monkeypatch.setitem(__import__("sys").modules, "DICOMLib", standin.dicom.makeModule())
    monkeypatch.setattr(slicer, "dicomDatabase", standin.dicom.DICOMDatabase(), raising=False)
    monkeypatch.setattr(slicer.util, "getModuleLogic", lambda name: driver.widget.logic)
    slicer.mrmlScene.Clear(0)
    import DSCSuperResDICOMPlugin

    DSCSuperResDICOMPlugin.DSCSuperResDICOMPlugin(SimpleNamespace())
    return slicer.modules.dicomPlugins["DSCSuperResDICOMPlugin"]()


def test_perfusion_series_is_loaded_with_its_times(driver, plugin, tmp_path) -> None:
    files = series(tmp_path)
    save(tmp_path / "other", [classic(0, 0, SeriesInstanceUID="9.9")])
    (tmp_path / "other" / "IM0000").rename(tmp_path / "zz-another-series")
    (loadable,) = plugin.examineForImport([files])
    assert slicer.dicomDatabase.asked < len(files) + FRAMES + 20  # a value of each file, and few others
    assert loadable.selected
    assert loadable.confidence > 1  # of the plugins for whom frames are only numbered
    assert "12 frames with times" in loadable.name
    assert plugin.load(loadable)
    sequence = driver.parameters.input.sequence
    assert (sequence.GetName(), sequence.GetIndexUnit()) == ("7: ep2d_perf", "s")
    times = [float(sequence.GetNthIndexValue(frame)) for frame in range(sequence.GetNumberOfDataNodes())]
    np.testing.assert_allclose(times, 1.5 * np.arange(FRAMES), atol=1e-3)
    assert driver.ui("Input").echoTime.value == 30.0
    assert "TR is needed" not in driver.ui("Input").inputNote.text
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert hierarchy.GetItemByUID("DICOM", "1.2.3")
    assert driver.leftovers() == []


def test_echoes_are_offered_apart(driver, plugin, tmp_path) -> None:
    def twice(t: int, z: int):
        made = dynamic(t // 2, z, SOPInstanceUID=f"1.2.{t}.{z}")
        made.EchoTime = (30, 50)[t % 2]
        return made

    loadables = plugin.examineForImport([series(tmp_path, twice, 2 * FRAMES)])
    assert [loadable.name.partition("perfusion")[2] for loadable in loadables] == [
        ", echo 1 (30 ms)",
        ", echo 2 (50 ms)",
    ]
    assert all("12 frames" in loadable.name for loadable in loadables)
    assert plugin.load(loadables[1])
    assert driver.ui("Input").echoTime.value == 50.0


def test_other_series_are_left_to_other_plugins(plugin, tmp_path) -> None:
    made = {
        "slices": series(tmp_path / "slices", frames=1),
        "few phases": series(tmp_path / "phases", frames=3),
        "diffusion": series(tmp_path / "diffusion", lambda t, z: dynamic(t, z, DiffusionBValue=1000.0)),
        "CT": series(tmp_path / "ct", lambda t, z: dynamic(t, z, Modality="CT")),
    }
    assert not [name for name, files in made.items() if plugin.examineForImport([files])]
    plain = series(tmp_path / "fmri", lambda t, z: dynamic(t, z, SeriesDescription="ep2d_bold"))
    (loadable,) = plugin.examineForImport([plain])
    assert not loadable.selected
    assert loadable.confidence < 1


def test_one_file_is_offered_where_its_name_says_perfusion(plugin, tmp_path) -> None:
    places = [(t, z) for t in range(3) for z in range(SLICES)]
    for description, offered in (("PWI dynamic", 1), ("T1 3D", 0)):
        folder = save(tmp_path / description, [enhanced(places, lambda t, z: {}, SeriesDescription=description)])
        assert len(plugin.examineForImport([[str(next(folder.iterdir()))]])) == offered


def test_refusal_is_a_sentence(plugin, tmp_path, monkeypatch) -> None:
    texts = []
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **options: texts.append(text))
    files = series(tmp_path)
    (loadable,) = plugin.examineForImport([files])
    loadable.files = files[:1]
    assert not plugin.load(loadable)
    assert len(texts) == 1
    assert "\n" not in texts[0]
