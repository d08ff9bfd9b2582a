"""The stand-in behaves as PythonQt in a running Slicer 5.13 did, above all where PySide does otherwise."""

import pytest

pytest.importorskip("slicer")
pytest.importorskip("PySide6.QtWidgets", exc_type=ImportError)
pytestmark = pytest.mark.usefixtures("slotErrors")


@pytest.fixture
def qt(app):
    import qt

    return qt


def refused(error: type[Exception], text: str):
    return pytest.raises(error, match=text)


def test_properties_are_attributes(qt) -> None:
    button, spin, label = qt.QPushButton("hi"), qt.QSpinBox(), qt.QLabel()
    assert button.text == "hi"
    with refused(TypeError, "'str' object is not callable"):
        button.text()
    with refused(TypeError, "'int' object is not callable"):
        spin.value()
    spin.value = 3.7
    label.text = 5
    button.name = "go"
    assert (spin.value, label.text, button.objectName) == (3, "5", "go")
    spin.setValue(4)
    assert spin.value == 4


def test_properties_refuse_what_they_cannot_hold(qt) -> None:
    button, spin = qt.QPushButton(), qt.QSpinBox()
    for wrong in ("abc", None):
        with refused(AttributeError, "Property 'value' of type 'int' does not accept an object of type"):
            spin.value = wrong
    with refused(AttributeError, "creating new attributes on C\\+\\+ objects is not allowed"):
        button.txet = "hi"
    with refused(AttributeError, "Slot 'click' can not be overwritten"):
        button.click = print
    with refused(AttributeError, "QPushButton has no attribute named 'foo'"):
        _ = button.foo


def test_no_keywords_and_none_of_pysides_helpers(qt) -> None:
    with refused(ValueError, "does not support kwargs"):
        qt.QLabel(text="x")
    with refused(ValueError, "does not support kwargs"):
        qt.QComboBox().setCurrentIndex(index=0)
    with refused(ValueError, "Called"):
        qt.QComboBox().setCurrentIndex(1, 2)
    assert not hasattr(qt, "QtWidgets")
    assert not hasattr(qt.QProcess(), "pid")


def test_signals_by_signature(qt, app) -> None:
    from standin import pythonqt

    button, got = qt.QPushButton(), []
    button.checkable = True
    assert button.connect("clicked(bool)", got.append)
    assert button.connect("clicked()", lambda: got.append("none"))
    assert button.clicked.connect(lambda checked: got.append(("by name", checked)))
    button.click()
    assert got == [True, "none", ("by name", True)]
    with refused(TypeError, "not subscriptable"):
        _ = button.clicked[bool]
    assert not button.connect("clickedd()", print)
    assert not button.connect("toggled(int)", print)
    assert len(pythonqt.missingSignals) == 2
    pythonqt.missingSignals.clear()


def test_slots_get_as_many_values_as_they_have_positions(qt) -> None:
    button, got = qt.QPushButton(), []

    class Receiver:
        def none(self) -> None:
            got.append("none")

        def keyword(self, *, flag: int = 1) -> None:
            got.append(flag)

        def default(self, name: int = 5) -> None:
            got.append(name)

        def all(self, *values: object) -> None:
            got.append(values)

    receiver = Receiver()
    for slot in (receiver.none, receiver.keyword, receiver.default, receiver.all):
        button.connect("clicked(bool)", slot)
    button.click()
    assert got == ["none", 1, False, (False,)]
    assert button.disconnect("clicked(bool)", receiver.all)
    button.click()
    assert len(got) == 7


def test_exceptions_in_slots_go_to_nobody(qt, slotErrors) -> None:
    button = qt.QPushButton()
    button.connect("clicked()", lambda one, two: None)
    button.click()
    assert "missing 2 required positional arguments" in slotErrors.pop()


def test_types_enumerators_and_values(qt) -> None:
    button, process, box = qt.QPushButton(), qt.QProcess(), qt.QComboBox()
    assert isinstance(button, qt.QPushButton)
    assert not isinstance(button, qt.QWidget)
    assert button.inherits("QWidget")
    assert qt.QProcess.Running == qt.QProcess.ProcessState.Running == 2
    assert process.state() == qt.QProcess.NotRunning
    assert process.readAllStandardOutput().data() == b""
    box.addItem("a", [1, 2])
    assert box.itemData(0) == box.currentData == (1, 2)
    parent = qt.QWidget()
    layout = qt.QVBoxLayout(parent)
    assert parent.layout() is layout
    assert parent.children() == (layout,)


def test_objects_die_with_their_wrapper_or_their_parent(qt, app) -> None:
    parent, got = qt.QWidget(), []
    child = qt.QPushButton(parent)
    parent.delete()
    with refused(ValueError, "destroyed"):
        _ = child.text
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: got.append("late"))
    timer.start(0)
    del timer
    app.processEvents()
    assert got == []


def test_range_widget_as_that_of_ctk(app) -> None:
    import ctk

    widget, received = ctk.ctkRangeWidget(), []
    assert (widget.minimumValue, widget.maximumValue, widget.decimals) == (0, 99, 2)
    widget.connect("valuesChanged(double,double)", lambda low, high: received.append((low, high)))
    widget.setValues(3.0, 40.0)
    widget.maximum = 10.0
    widget.maximum = 60.0
    widget.setValues(5, 6)
    widget.minimumValue = 20
    assert received == [(3, 40), (3, 10), (5, 6), (6, 6)]


def test_collapsed_children_are_hidden_and_come_back(qt, app) -> None:
    import ctk

    button = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(button)
    shown, hidden = qt.QLabel("a"), qt.QLabel("b")
    for label in (shown, hidden):
        layout.addWidget(label)
    button.show()
    hidden.visible = False
    button.collapsed = True
    assert not shown.visible
    shown.visible = True
    assert not shown.visible
    button.collapsed = False
    assert (shown.visible, hidden.visible) == (True, False)
    button.delete()


def test_node_selector_follows_the_scene(app) -> None:
    import slicer

    selector, received, scene = slicer.qMRMLNodeComboBox(), [], slicer.mrmlScene
    scene.Clear(0)
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.noneEnabled = True
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: received.append(node and node.GetName()))
    selector.setMRMLScene(scene)
    first, second = (scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name) for name in ("first", "second"))
    assert selector.currentNode() is None
    received.clear()
    for node in (first, first, None, second):
        selector.setCurrentNode(node)
    scene.RemoveNode(second)
    assert received == ["first", None, "second", "first"]
    assert selector.currentNode() is first
    scene.RemoveNode(first)
    assert selector.currentNode() is None
    selector.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "third"))
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "fourth")
    scene.Clear(0)
    assert selector.currentNode() is None
    selector.setMRMLScene(None)
