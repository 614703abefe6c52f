"""Sources that are archives: read as the folders that they hold, named as the archives.

What is refused in them stands in tests/bad/archived.py. A second or two in all.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from making import boxwright, labelme, photos, rectangle, written

from pipeline.errors import BoxwrightError
from pipeline.formats import archives, yolo


def packed(folder: Path, archive: Path, below: str = "") -> Path:
    """A folder as an archive, its files below `below`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for path in files:
                out.write(path, f"{below}{path.relative_to(folder)}")
    else:
        with tarfile.open(archive, f"w:{archive.suffix[1:].replace('tar', '')}") as tar:
            for path in files:
                tar.add(path, f"{below}{path.relative_to(folder)}")
    return archive


def labels(tree: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in tree.rglob("*.txt")}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("below", ["", "one/", "one/two/"])
def test_an_archive_gives_the_same_tree_as_its_folder(tmp_path, name, below):
    source = photos(tmp_path / "photos", 6)
    archive = packed(source, tmp_path / name, below)
    for one, out in ((source, "a"), (archive, "b")):
        run = boxwright("convert", one, tmp_path / out, "--group", "none")
        assert run.returncode == 0, run.stderr
    assert labels(tmp_path / "a") == labels(tmp_path / "b")
    assert len(labels(tmp_path / "b")) == 6


def test_a_second_run_of_an_archive_changes_nothing(tmp_path):
    archive = packed(photos(tmp_path / "photos", 6), tmp_path / "a.zip")
    for unchanged in (False, True):
        archives._unpacked.clear()
        run = boxwright("convert", archive, tmp_path / "out", "--json")
        assert json.loads(run.stdout)["unchanged"] is unchanged


def test_problems_name_the_archive_and_not_where_it_was_unpacked(tmp_path):
    source = photos(tmp_path / "photos", 6)
    labelme(source / "a3.json", rectangle("Ten", 8, 6, 8, 30))
    written(source / "a4.jpg", b"")
    archive = packed(source, tmp_path / "a.zip")
    run = boxwright("convert", archive, tmp_path / "out")
    assert f"{archive}/a3.json: shapes[0]" in run.stderr
    assert f"{archive}/a4.jpg: is empty" in run.stderr
    assert "boxwright-" not in run.stderr


def test_pictures_may_come_in_an_archive_of_their_own(tmp_path):
    source = photos(tmp_path / "photos", 6)
    for picture in source.glob("*.jpg"):
        picture.rename(written(tmp_path / "pictures" / picture.name, ""))
    annotations = packed(source, tmp_path / "labels.tar")
    pictures = packed(tmp_path / "pictures", tmp_path / "pictures.zip")
    run = boxwright("convert", annotations, tmp_path / "out", "--images", pictures)
    assert run.returncode == 0, run.stderr
    assert len(yolo.read(tmp_path / "out").images) == 6


def test_nothing_is_kept_of_an_archive_that_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("good.json", "{}")
        out.writestr("../evil.json", "{}")
    with pytest.raises(BoxwrightError, match="leads out of the archive"):
        archives.folder(tmp_path / "a.zip")
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".json"] == []
