"""Export: all files of the selected result, written in the background; cancelled, repeated, read back."""

import json
import tempfile
from pathlib import Path

import numpy as np
import slicer
from panel_driver import Stalls
from workflow import Workflow


def run(w: Workflow) -> None:
    """Writes into a temporary folder, which goes away again."""
    w.show("Export")
    with tempfile.TemporaryDirectory() as folder:
        _refuse(w)
        w.ui("Export").folderEdit.currentPath = folder
        w.settle(2)
        _cancel(w, Path(folder))
        output = Path(folder) / w.result.name
        _export(w, output)
        _read(w, output)
        _again(w, output)
    w.ui("Export").folderEdit.currentPath = ""


def _refuse(w: Workflow) -> None:
    """Without anything to export the button says why."""
    ui, export = w.ui("Export"), w.panel.parameters.export
    ui.folderEdit.currentPath = tempfile.gettempdir()
    names = ("sequence", "nifti", "mapsNifti", "mapsNrrd", "mapsDicom", "tables", "screenshots", "report")
    before = {name: getattr(export, name) for name in names}
    for name in names:
        setattr(export, name, False)
    w.settle(2)
    w.check(not ui.exportButton.enabled and "nothing" in ui.exportButton.toolTip, ui.exportButton.toolTip)
    for name, value in before.items():
        setattr(export, name, value)
    w.settle(2)
    w.check(ui.exportButton.enabled, ui.exportButton.toolTip)


def _cancel(w: Workflow, folder: Path) -> None:
    w.startExport()
    w.wait(w.workers, 60, "the start of the export")
    w.cancelExport()
    w.check(not list(folder.iterdir()) and not w.workers(), "a canceled export leaves no file and no process")


def _export(w: Workflow, output: Path) -> None:
    ui = w.ui("Export")
    ui.niftiCheckBox.checked = ui.mapsNrrdCheckBox.checked = True
    w.settle(2)
    stalls = Stalls()
    w.startExport()
    w.finishExport()
    print(f"longest stall of an export {1000 * stalls.stop():.0f} ms", flush=True)
    w.check(str(output) in ui.statusLabel.text, ui.statusLabel.text)
    w.check(ui.openFolderButton.visible, "the folder can be opened")
    names = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    expected = {"reconstruction.seq.nrrd", "reconstruction_4d.nii.gz", "provenance.json", "report.html"}
    expected |= {"screenshots/window.png", "tables/metrics.csv", "tables/arterial_input.csv"}
    expected |= {f"maps_{source}/cbv.{end}" for source in ("truth", "input") for end in ("nii.gz", "nrrd")}
    w.check(expected <= names, f"missing: {sorted(expected - names)}")
    w.check(f"{len(names)} files" in ui.statusLabel.text, ui.statusLabel.text)
    w.check(len([name for name in names if name.startswith("screenshots/")]) > 1, "each view has its picture")
    w.picture("exported")


def _read(w: Workflow, output: Path) -> None:
    """Slicer itself reads the files back at the place that they came from."""
    for path, expected in (
        (output / "maps_reconstruction" / "cbv.nii.gz", w.result.node("map.cbv.reconstruction")),
        (output / "maps_truth" / "cbf.nrrd", w.result.node("map.cbf.truth")),
    ):
        volume = slicer.util.loadVolume(str(path), {"show": False})
        w.check(np.allclose(_affine(volume), _affine(expected), atol=1e-3), f"{path.name} has another place")
        found, voxels = slicer.util.arrayFromVolume(volume), slicer.util.arrayFromVolume(expected)
        computed = np.isfinite(voxels)  # files have 0 elsewhere
        same = np.allclose(found[computed], voxels[computed], rtol=1e-5)
        w.check(same, f"{path.name} has other values")
        slicer.mrmlScene.RemoveNode(volume)
    _readSequence(w, output / "reconstruction.seq.nrrd")
    _readDicom(w, output / "dicom" / "cbv")
    provenance = json.loads((output / "provenance.json").read_text(encoding="utf-8"))
    model = w.panel.parameters.reconstruct.model
    w.check(provenance["model"]["name"] == model, f"the provenance names {provenance['model']}")
    w.check(model != "ode-liif" or provenance["model"]["weights_sha256"], "the provenance has the hash of the weights")
    w.check(set(provenance["maps"]) == {"truth", "input", "reconstruction"}, f"maps {sorted(provenance['maps'])}")


def _readSequence(w: Workflow, path: Path) -> None:
    before = {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")}
    sequence = slicer.util.loadNodeFromFile(str(path), "SequenceFile", {"show": False})
    times = [float(sequence.GetNthIndexValue(frame)) for frame in range(sequence.GetNumberOfDataNodes())]
    w.check(np.allclose(times, w.result.times("reconstruction"), atol=2e-3), "frame times come back")
    frame = sequence.GetNthDataNode(20)
    w.check(np.array_equal(slicer.util.arrayFromVolume(frame), w.result.signal("reconstruction")[20]), "frames")
    w.check(np.allclose(_affine(frame), _affine(w.result.proxy("reconstruction")), atol=1e-3), "place of the frames")
    for node in slicer.util.getNodesByClass("vtkMRMLNode"):
        if node.GetID() not in before and slicer.mrmlScene.IsNodePresent(node):
            slicer.mrmlScene.RemoveNode(node)


def _readDicom(w: Workflow, folder: Path) -> None:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in sorted(folder.iterdir())])
    image, expected = reader.Execute(), w.result.node("map.cbv.reconstruction")
    voxels = slicer.util.arrayFromVolume(expected)
    computed = np.isfinite(voxels)
    found, voxels = sitk.GetArrayFromImage(image)[computed], voxels[computed]
    w.check(np.allclose(found, voxels, atol=np.ptp(voxels) / 65000), "DICOM has other values")
    place = (np.diag([-1.0, -1, 1, 1]) @ _affine(expected))[:3, 3]
    w.check(np.allclose(image.GetOrigin(), place, atol=1e-3), f"DICOM lies at {image.GetOrigin()}, not at {place}")


def _again(w: Workflow, output: Path) -> None:
    """A second export does not overwrite the first one unasked."""
    ui, before = w.ui("Export"), (output / "provenance.json").stat().st_mtime_ns
    w.startExport()
    w.finishExport()
    w.check((output / "provenance.json").stat().st_mtime_ns == before, "the first export is untouched")
    w.check((output.parent / f"{output.name} 2" / "provenance.json").is_file(), ui.statusLabel.text)


def _affine(volume: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    return slicer.util.arrayFromVTKMatrix(_matrix(volume))


def _matrix(volume: slicer.vtkMRMLVolumeNode):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix
