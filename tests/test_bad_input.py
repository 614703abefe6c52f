"""Bad input: an error that names the file and what to do, exit 1, nothing written.

Each case spoils one thing in a good source. By default the run stops; with `--skip-bad` it goes
on with every good box and names what was left out.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from making import HEIGHT, boxwright, labelme, photos, picture, rectangle, written

from pipeline.formats import yolo

Spoil = Callable[[Path], object]


def spoil_bytes(name: str, change: Callable[[bytes], bytes]) -> Spoil:
    return lambda source: written(source / name, change((source / name).read_bytes()))


def box(*xyxy: object, label: object = "Ten") -> Spoil:
    """Give a3 a bad box beside a good one."""
    good = rectangle("Ten", 1, 1, 20, 20)
    return lambda source: labelme(source / "a3.json", good, rectangle(label, *xyxy))


def changed(**fields: object) -> Spoil:
    return lambda source: labelme(source / "a3.json", rectangle("Ten", 1, 1, 9, 9), **fields)


def no_permission(source: Path) -> None:
    """A file that nobody can read, root neither: a folder in its place."""
    (source / "a3.json").unlink()
    (source / "a3.json").symlink_to("nowhere.json")


FILES: dict[str, tuple[Spoil, str, str]] = {
    "truncated JSON": (spoil_bytes("a3.json", lambda b: b[:60]), "a3.json", "cut short or no JSON"),
    "no JSON at all": (lambda s: written(s / "a3.json", "hello"), "a3.json", "no JSON"),
    "binary in JSON": (lambda s: written(s / "a3.json", b"\xff\xd8\x00\x9f"), "a3.json", "text"),
    "null": (lambda s: written(s / "a3.json", "null"), "a3.json", "null where an object is due"),
    "a list of numbers": (lambda s: written(s / "a3.json", "[1]"), "a3.json", "object is due"),
    "an empty list": (lambda s: written(s / "a3.json", "[]"), "a3.json", "empty list"),
    "shapes no list": (changed(shapes={"a": 1}), "a3.json", "list is due"),
    "no known keys": (lambda s: written(s / "a3.json", '{"a": 1}'), "a3.json", "no boxes"),
    "nested too deep": (lambda s: written(s / "a3.json", "[" * 99999), "a3.json", "nested"),
    "another aspect": (changed(imageWidth=100, imageHeight=100), "a3.json", "another"),
    "size of zero": (changed(imageWidth=0), "a3.json", "imageWidth"),
    "size as text": (changed(imageWidth="wide"), "a3.json", "'wide', not a number"),
    "outside by dots": (changed(imagePath="../../etc/passwd"), "a3.json", "points outside"),
    "outside by root": (changed(imagePath="/etc/passwd"), "a3.json", "points outside"),
    "outside on Windows": (changed(imagePath="C:\\x\\a3.jpg"), "a3.json", "points outside"),
    "image as number": (changed(imagePath=7), "a3.json", "7"),
    "unreadable JSON": (no_permission, "a3.json", "cannot be read"),
    "two of one picture": (
        lambda s: labelme(s / "b.json", rectangle("Ten", 1, 1, 9, 9), imagePath="a3.jpg"),
        "b.json",
        "same picture",
    ),
    "JSON without picture": (
        lambda s: labelme(s / "lone.json", rectangle("Ten", 1, 1, 9, 9)),
        "lone.json",
        "not there",
    ),
    "picture without JSON": (lambda s: picture(s / "lone.jpg"), "lone.jpg", "without JSON"),
    "empty jpg": (lambda s: written(s / "a3.jpg", b""), "a3.jpg", "0 bytes"),
    "truncated jpg": (spoil_bytes("a3.jpg", lambda b: b[: len(b) // 2]), "a3.jpg", "cut short"),
    "a jpg that is none": (lambda s: written(s / "a3.jpg", "hello"), "a3.jpg", "no picture"),
}

BOXES: dict[str, tuple[Spoil, str, str]] = {
    "no width": (box(8, 6, 8, 30), "a3.json: shapes[1]", "no area"),
    "no height": (box(8, 6, 40, 6), "a3.json: shapes[1]", "no area"),
    "too thin for six decimals": (box(8, 6, 8.00001, 30), "a3.json: shapes[1]", "no area"),
    "wholly outside": (box(100, 100, 120, 120), "a3.json: shapes[1]", "wholly outside"),
    "wholly outside, negative": (box(-30, -30, -2, -2), "a3.json: shapes[1]", "wholly outside"),
    "NaN": (box(float("nan"), 6, 40, 30), "a3.json: shapes[1]", "nan"),
    "infinite": (box(float("inf"), 6, 40, 30), "a3.json: shapes[1]", "inf"),
    "1e999": (box(8, 6, 40, 10**400), "a3.json: shapes[1]", "not a finite number"),
    "text": (box("left", 6, 40, 30), "a3.json: shapes[1]", "'left', not a number"),
    "numeric text": (box("8", 6, 40, 30), "a3.json: shapes[1]", "'8', not a number"),
    "null": (box(None, 6, 40, 30), "a3.json: shapes[1]", "missing"),
    "boolean": (box(True, 6, 40, 30), "a3.json: shapes[1]", "True, not a number"),
    "unknown label": (box(8, 6, 40, 30, label="Tem"), "a3.json: shapes[1]", "did you mean 'Ten'"),
    "no label": (box(8, 6, 40, 30, label=None), "a3.json: shapes[1]", "no label"),
    "one point": (
        lambda s: labelme(
            s / "a3.json",
            rectangle("Ten", 1, 1, 20, 20),
            {"label": "Ten", "points": [[1, 2]], "shape_type": "rectangle"},
        ),
        "a3.json: shapes[1]",
        "1 points",
    ),
    "a line": (
        lambda s: labelme(
            s / "a3.json",
            rectangle("Ten", 1, 1, 20, 20),
            {"label": "Ten", "points": [[1, 2], [3, 4]], "shape_type": "line"},
        ),
        "a3.json: shapes[1]",
        "has no box",
    ),
    "a box that is no object": (
        changed(shapes=[rectangle("Ten", 1, 1, 20, 20), 7]),
        "a3.json: shapes[1]",
        "object is due",
    ),
}


@pytest.mark.parametrize("case", [*FILES, *BOXES])
def test_strict_stops_with_the_file_and_writes_nothing(tmp_path, case):
    spoil, place, what = (FILES | BOXES)[case]
    source = photos(tmp_path / "photos")
    spoil(source)
    run = boxwright("convert", source, tmp_path / "out", "--classes", "Ten,Fifty")
    assert run.returncode == 1, run.stdout
    assert place in run.stderr
    assert what in run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def skip(tmp_path: Path, spoil: Spoil, place: str) -> None:
    """Convert a spoilt source with --skip-bad: one thing is left out, and named everywhere."""
    source = photos(tmp_path / "photos")
    spoil(source)
    run = boxwright("convert", source, tmp_path / "out", "--skip-bad", "--classes", "Ten,Fifty")
    assert run.returncode == 0, run.stderr
    made = json.loads((tmp_path / "out/manifest.json").read_text())
    assert len(made["left_out"]) == 1
    assert place in made["left_out"][0]
    assert place in run.stderr


@pytest.mark.parametrize("case", FILES)
def test_skip_bad_leaves_out_the_file_and_names_it(tmp_path, case):
    spoil, place, _ = FILES[case]
    skip(tmp_path, spoil, place)
    pictures = {Path(name).stem for name in yolo.read(tmp_path / "out").images.name}
    assert pictures >= {f"a{n}" for n in range(10) if n != 3}


@pytest.mark.parametrize("case", BOXES)
def test_skip_bad_keeps_the_good_boxes_of_a_file_with_a_bad_one(tmp_path, case):
    spoil, place, _ = BOXES[case]
    skip(tmp_path, spoil, place)
    after = yolo.read(tmp_path / "out")
    row = [Path(name).stem for name in after.images.name].index("a3")
    assert (after.boxes.image == row).sum() == 1


def test_every_problem_is_told_not_the_first_only(tmp_path):
    source = photos(tmp_path / "photos")
    for number in range(5):
        labelme(source / f"a{number}.json", rectangle("Ten", 8, 6, 8, 6))
    written(source / "a7.jpg", b"")
    run = boxwright("convert", source, tmp_path / "out")
    assert "6 problems" in run.stderr
    assert all(f"a{number}.json" in run.stderr for number in range(5))
    assert "a7.jpg" in run.stderr


def test_a_picture_whose_only_box_is_bad_is_not_taken_for_background(tmp_path):
    source = photos(tmp_path / "photos")
    labelme(source / "a3.json", rectangle("Ten", 8, 6, 8, 30))
    boxwright("convert", source, tmp_path / "out", "--skip-bad")
    assert "a3.jpg" not in yolo.read(tmp_path / "out").images.name


@pytest.mark.parametrize("flags", [[], ["--skip-bad"]])
def test_pictures_that_are_all_damaged_are_all_named(tmp_path, flags):
    source = photos(tmp_path / "photos", 3)
    for number in range(3):
        written(source / f"a{number}.jpg", b"")
    run = boxwright("convert", source, tmp_path / "out", *flags)
    assert run.returncode == 1
    assert all(f"a{number}.jpg" in run.stderr for number in range(3))


@pytest.mark.parametrize("flags", [[], ["--skip-bad"]])
def test_json_that_all_lost_their_pictures_are_all_named(tmp_path, flags):
    picture(tmp_path / "photos/lone.jpg")
    for number in range(3):
        labelme(tmp_path / f"photos/a{number}.json", rectangle("Ten", 1, 1, 9, 9))
    run = boxwright("convert", tmp_path / "photos", tmp_path / "out", *flags)
    assert run.returncode == 1
    assert all(f"a{number}.json" in run.stderr for number in range(3))


def test_a_yolo_tree_of_damaged_pictures_only_is_told(tmp_path):
    boxwright("convert", photos(tmp_path / "photos", 4), tmp_path / "out", "--copy")
    for file in (tmp_path / "out/images").rglob("*.jpg"):
        file.write_bytes(b"")
    run = boxwright("stats", tmp_path / "out")
    assert run.returncode == 1
    assert "4 problems" in run.stderr


def test_drop_bad_leaves_out_what_cannot_be_a_box(tmp_path):
    source = photos(tmp_path / "photos")
    box(100, 100, 120, 120)(source)
    run = boxwright("convert", source, tmp_path / "out", "--drop-bad")
    assert run.returncode == 0
    assert "a3.json: shapes[1]" in run.stderr


def test_drop_bad_forgives_nothing_else(tmp_path):
    source = photos(tmp_path / "photos")
    written(source / "a3.json", "{")
    assert boxwright("convert", source, tmp_path / "out", "--drop-bad").returncode == 1


def test_a_box_over_the_border_is_cut_and_counted(tmp_path):
    source = photos(tmp_path / "photos")
    labelme(source / "a3.json", rectangle("Ten", -5, 6, 40, 90))
    run = boxwright("convert", source, tmp_path / "out")
    assert "1 boxes cut at the border" in run.stderr
    row = list(yolo.read(tmp_path / "out").images.name).index("a3.jpg")
    after = yolo.read(tmp_path / "out")
    assert after.boxes.xyxy[after.boxes.image == row][0] == pytest.approx([0, 6, 40, HEIGHT])


def test_ignored_labels_are_no_error(tmp_path):
    source = photos(tmp_path / "photos", labels=("Ten", "Fifty", "hand"))
    flags = ["--classes", "Ten,Fifty", "--ignore", "hand"]
    assert boxwright("convert", source, tmp_path / "out", *flags).returncode == 0


def test_pair_name_goes_by_the_files_own_names(tmp_path):
    source = photos(tmp_path / "photos")
    labelme(source / "a3.json", rectangle("Ten", 1, 1, 9, 9), imagePath="C:\\x\\other.jpg")
    assert boxwright("convert", source, tmp_path / "out", "--pair", "name").returncode == 0


# --- the folders and the options -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda _: None, "no such folder"),
        (lambda s: s.mkdir(), "empty"),
        (lambda s: written(s / "a.json", '{"shapes": []}'), "no pictures"),
        (lambda s: picture(s / "a.jpg"), "no annotations"),
        (lambda s: written(s / "a.xml", "<a/>"), "1 .xml"),
        (lambda s: photos(s, 1), "1 group: too few"),
    ],
)
def test_sources_that_are_none(tmp_path, make, what):
    make(tmp_path / "photos")
    run = boxwright("convert", tmp_path / "photos", tmp_path / "out")
    assert run.returncode == 1
    assert what in run.stderr
    assert not (tmp_path / "out").exists()


def test_one_group_only_cannot_be_split(tmp_path):
    source = photos(tmp_path / "photos")
    run = boxwright("convert", source, tmp_path / "out", "--group", "^(a)")
    assert run.returncode == 1
    assert "1 group" in run.stderr


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--val", "0"], "val: 0.0"),
        (["--val", "1"], "val: 1.0"),
        (["--val", "0.6", "--test", "0.4"], "nothing to train on"),
        (["--group", "("], "no regular expression"),
        (["--group", "nothing like it"], "matches none of the pictures"),
        (["--format", "voc2"], "voc2"),
        (["--scale", "-1"], "scale"),
        (["--classes", "Ten=a|b,Fifty=a"], "in two classes"),
        (["--background", "nowhere"], "nowhere"),
        (["--images", "nowhere"], "nowhere"),
    ],
)
def test_options_that_cannot_be(tmp_path, flags, what):
    run = boxwright("convert", photos(tmp_path / "photos"), tmp_path / "out", *flags)
    assert run.returncode == 1
    assert what in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_config_tells_all_its_mistakes_with_the_likely_right_words(tmp_path):
    text = "name: x\nsource: a\nprepard: b\nconvert: {vall: 0.2, seed: soon}\n"
    run = boxwright("convert", written(tmp_path / "run.yaml", text))
    assert run.returncode == 1
    assert "did you mean 'prepared'" in run.stderr
    assert "did you mean 'val'" in run.stderr
    assert "convert.seed: 'soon'" in run.stderr


def test_a_folder_that_is_not_ours_is_never_overwritten(tmp_path):
    source = photos(tmp_path / "photos")
    written(tmp_path / "out/thesis.txt", "precious")
    run = boxwright("convert", source, tmp_path / "out")
    assert run.returncode == 1
    assert "--force" in run.stderr
    assert (tmp_path / "out/thesis.txt").read_text() == "precious"


def test_force_replaces_it(tmp_path):
    source = photos(tmp_path / "photos")
    written(tmp_path / "out/thesis.txt", "precious")
    assert boxwright("convert", source, tmp_path / "out", "--force").returncode == 0
    assert not (tmp_path / "out/thesis.txt").exists()


@pytest.mark.parametrize("out", ["photos", "photos/prepared", "."])
def test_source_and_output_must_not_hold_each_other(tmp_path, out):
    source = photos(tmp_path / "photos")
    run = boxwright("convert", source, tmp_path / out, "--force")
    assert run.returncode == 1
    assert len(list(source.iterdir())) == 20


def test_a_failed_rerun_leaves_the_old_tree(tmp_path):
    source = photos(tmp_path / "photos")
    boxwright("convert", source, tmp_path / "out")
    written(source / "a3.json", "{")
    assert boxwright("convert", source, tmp_path / "out").returncode == 1
    assert len(yolo.read(tmp_path / "out").images) == 10


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    source = photos(tmp_path / "photos")
    run = subprocess.run(
        [sys.executable, "-m", "pipeline", "convert", str(source), str(tmp_path / "out")],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40)),
    )
    assert run.returncode == 1
    assert "cannot write here" in run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_kill_in_the_middle_leaves_the_old_tree_and_the_next_run_cleans_up(tmp_path):
    source = photos(tmp_path / "photos")
    boxwright("convert", source, tmp_path / "out")
    labelme(source / "a3.json", rectangle("Ten", 1, 1, 9, 9))
    kill = (
        "import os, pipeline.prepared as p\n"
        "p.coco.write_rows = lambda *a: os.kill(os.getpid(), 9)\n"
        "from pathlib import Path\nfrom pipeline.convert import convert\nimport sys\n"
        "convert(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    command = [sys.executable, "-c", kill, str(source), str(tmp_path / "out")]
    assert subprocess.run(command, check=False).returncode == -9
    assert len(yolo.read(tmp_path / "out").images) == 10
    assert boxwright("convert", source, tmp_path / "out").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_a_kill_between_the_two_renames_is_healed_by_the_next_run(tmp_path):
    source = photos(tmp_path / "photos")
    boxwright("convert", source, tmp_path / "out")
    (tmp_path / ".out.abc.old").mkdir()
    (tmp_path / "out").rename(tmp_path / ".out.abc.old/was")
    assert boxwright("convert", source, tmp_path / "out").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_json_goes_to_stdout_alone(tmp_path):
    source = photos(tmp_path / "photos")
    box(100, 100, 120, 120)(source)
    run = boxwright("convert", source, tmp_path / "out", "--drop-bad", "--json")
    assert json.loads(run.stdout)["splits"]["train"]["images"] > 0


def test_an_unreadable_picture_is_named(tmp_path):
    source = photos(tmp_path / "photos")
    (source / "a3.jpg").unlink()
    (source / "a3.jpg").symlink_to("/proc/self/mem")
    run = boxwright("convert", source, tmp_path / "out")
    assert run.returncode == 1
    assert "a3.jpg" in run.stderr
    assert "Traceback" not in run.stderr
