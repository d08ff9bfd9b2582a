"""Files appear complete or not at all, whoever writes them."""

from pathlib import Path

import pytest

from dsc_superres.errors import FileError
from dsc_superres.utils.atomic_writing import atomic_file, write_json


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "numbers.json"
    write_json(target, [1, 2])
    before = target.read_bytes()

    def write_half() -> None:
        with atomic_file(target) as partial:
            partial.write_text("half")
            assert partial.suffix == ".json"
            assert target.read_bytes() == before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(target, float("nan"))
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_that_is_no_place_for_a_file_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked.json"
    locked.write_text("precious")
    locked.chmod(0o444)
    for target, reason in ((locked, "read-only"), (tmp_path, "folder"), (tmp_path / "missing" / "a.json", "folder")):
        with pytest.raises(FileError, match=reason):
            write_json(target, {})
    assert locked.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [locked]
