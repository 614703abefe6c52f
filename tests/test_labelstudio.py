"""Label Studio's tasks: percent, addresses, several annotations, masks."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import HEIGHT, WIDTH, picture, written
from PIL import Image
from seen import boxes, corners, read, told

from pipeline import formats
from pipeline.errors import BoxwrightError, DataError
from pipeline.formats import masks
from pipeline.formats.values import Place

SIZE = {"original_width": WIDTH, "original_height": HEIGHT}


def region(kind: str = "rectanglelabels", **value: Any) -> dict[str, Any]:
    """A result; `kind` is its type, and the key of its labels."""
    return {"type": kind, "value": {kind: ["Ten"], **value}, "image_rotation": 0, **SIZE}


def percent(x1: float, y1: float, x2: float, y2: float, **more: Any) -> dict[str, Any]:
    """A rectangle of these corners in pixels."""
    sides = {"x": x1 / WIDTH, "y": y1 / HEIGHT}
    sides |= {"width": (x2 - x1) / WIDTH, "height": (y2 - y1) / HEIGHT}
    return region(**{key: side * 100 for key, side in sides.items()}, rotation=0, **more)


def task(*results: Any, image: str = "a.jpg", number: int = 1, **more: Any) -> dict[str, Any]:
    annotated = {"id": number, "annotations": [{"result": list(results)}]}
    return {**annotated, "data": {"image": image}, **more}


def exported(root: Path, *tasks: Any, name: str = "tasks.json") -> Path:
    return written(root / name, json.dumps(list(tasks), ensure_ascii=False))


def project(root: Path, *tasks: Any) -> Path:
    """A picture a.jpg, and tasks."""
    picture(root / "a.jpg")
    exported(root, *tasks)
    return root


SHAPES = {
    "rectangle": (percent(8, 6, 40, 30), (8, 6, 40, 30), 0),
    "turned about its corner": (
        region(x=50, y=0, width=25, height=50, rotation=90),
        (32 - 24, 0, 32, 16),
        4,
    ),
    "polygon": (
        region("polygonlabels", points=[[25, 25], [50, 25], [50, 75]], closed=True),
        (16, 12, 32, 36),
        3,
    ),
    "ellipse": (region("ellipselabels", x=50, y=50, radiusX=25, radiusY=25), (16, 12, 48, 36), 64),
    "turned ellipse": (
        region("ellipselabels", x=50, y=50, radiusX=25, radiusY=25, rotation=90),
        (20, 8, 44, 40),
        64,
    ),
    "labels of any kind": (
        region("labels", x=50, y=50, width=25, height=25),
        (32, 24, 48, 36),
        0,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_give_the_box_around_them(tmp_path, shape):
    drawn, expected, points = SHAPES[shape]
    (found,) = boxes(read("labelstudio", project(tmp_path, task(drawn))))
    assert (found.picture, found.label) == ("a.jpg", "Ten")
    assert found.xyxy == pytest.approx(expected, abs=0.01)
    assert abs(found.points - points) <= 4  # of an ellipse, its extreme points besides


def test_turned_box_in_a_wide_picture(tmp_path):
    """The case of label-studio-converter's issue 101, which its exporter got wrong for long."""
    picture(tmp_path / "a.jpg", (1000, 500))
    turned = region(x=30, y=20, width=30, height=20, rotation=90)
    exported(tmp_path, task(turned | {"original_width": 1000, "original_height": 500}))
    assert corners(read("labelstudio", tmp_path)) == [(200, 100, 300, 400)]


ADDRESSES = [
    "a.jpg",
    "images/a.jpg",
    "/home/me/photos/a.jpg",
    "/data/upload/3/a.jpg",
    "/data/upload/3/1a2b3c4d-a.jpg",
    "/data/local-files/?d=photos/a.jpg",
    "/data/local-files/?d=photos%2Fa.jpg&x=1",
    "s3://bucket/photos/a.jpg",
    "gs://bucket/a.jpg",
    "https://example.com/photos/a.jpg?X-Amz-Date=1&token=b%2Fc.png",
    "http://localhost:8080/data/upload/3/1a2b3c4d-a.jpg",
    "/tasks/7/resolve/?fileuri=" + base64.urlsafe_b64encode(b"s3://bucket/x/a.jpg").decode(),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_pictures_are_found_by_their_addresses(tmp_path, address):
    reading = read("labelstudio", project(tmp_path, task(percent(8, 6, 40, 30), image=address)))
    assert [one.picture for one in boxes(reading)] == ["a.jpg"]


@pytest.mark.parametrize("name", ["만원 1.jpg", "a&b#c+d.jpg", "1a2b3c4d-a.jpg"])
def test_names_survive_their_addresses(tmp_path, name):
    from urllib.parse import quote

    picture(tmp_path / "images" / name)
    exported(tmp_path, task(image=f"/data/local-files/?d={quote(f'images/{name}')}"))
    assert read("labelstudio", tmp_path).dataset.images.name.tolist() == [f"images/{name}"]


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("one", "two"):
        picture(tmp_path / folder / "a.jpg")
    exported(
        tmp_path,
        task(percent(1, 2, 9, 9), image="s3://bucket/two/a.jpg"),
        task(percent(8, 6, 40, 30), image="s3://bucket/one/a.jpg", number=2),
    )
    found = [(one.picture, one.xyxy[0]) for one in boxes(read("labelstudio", tmp_path))]
    assert found == [("one/a.jpg", 8), ("two/a.jpg", 1)]


def test_annotated_without_a_region_is_background(tmp_path):
    reading = read("labelstudio", project(tmp_path, task()))
    assert (len(reading.dataset.images), len(reading.problems)) == (1, 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"annotations": []}, "task 1: is not annotated yet"),
        ({"annotations": [{"was_cancelled": True, "result": []}]}, "task 1: was skipped"),
        ({"annotations": [7]}, "task 1: is 7 where an object is due"),
        ({"annotations": {"result": []}}, "task 1: is an object where a list is due"),
        ({"data": {"text": "hello"}}, "names no picture (its keys: text)"),
        ({"data": {"image": "gone.jpg"}}, "names the picture 'gone.jpg', which is not there"),
        ({"data": {"image": "../a.jpg"}}, "points outside the source folder"),
    ],
)
def test_tasks_that_do_not_count_are_told_and_the_others_kept(tmp_path, change, expected):
    picture(tmp_path / "b.jpg")
    other = task(percent(1, 2, 9, 9), image="b.jpg", number=2)
    reading = read("labelstudio", project(tmp_path, task(percent(8, 6, 40, 30)) | change, other))
    assert corners(reading) == [(1, 2, 9, 9)]
    assert expected in told(reading)


def annotation(x1: float, **more: Any) -> dict[str, Any]:
    return {"result": [percent(x1, 6, 40, 30)], **more}


@pytest.mark.parametrize(
    "listed",
    [
        [annotation(8, updated_at="2024-05-02"), annotation(1, updated_at="2024-05-01")],
        [annotation(1, updated_at="2024-05-02"), annotation(8, ground_truth=True)],
        [annotation(8), annotation(1, was_cancelled=True, updated_at="2024-05-02")],
    ],
    ids=["the latest", "the ground truth", "none that was cancelled"],
)
def test_of_several_annotations_one_is_taken(tmp_path, listed):
    reading = read("labelstudio", project(tmp_path, task() | {"annotations": listed}))
    assert corners(reading) == [(8, 6, 40, 30)]


def test_predictions_are_taken_where_nobody_annotated(tmp_path):
    guess = {"model_version": "one", "score": 0.5, "result": [percent(8, 6, 40, 30)]}
    reading = read(
        "labelstudio", project(tmp_path, {"data": {"image": "a.jpg"}, "predictions": [guess]})
    )
    assert corners(reading) == [(8, 6, 40, 30)]
    assert "tasks that nobody annotated yet; their predictions are taken" in reading.notes


def test_predictions_are_no_labels_beside_annotated_tasks(tmp_path):
    picture(tmp_path / "b.jpg")
    guessed = {"id": 2, "data": {"image": "b.jpg"}, "predictions": [annotation(8)]}
    reading = read("labelstudio", project(tmp_path, task(percent(1, 2, 9, 9)), guessed))
    assert corners(reading) == [(1, 2, 9, 9)]
    assert "task 2: is not annotated yet" in told(reading)


def test_completions_of_old_versions(tmp_path):
    old = {"id": 1, "data": {"image": "a.jpg"}, "completions": [annotation(8)]}
    assert corners(read("labelstudio", project(tmp_path, old))) == [(8, 6, 40, 30)]


def test_minimal_export(tmp_path):
    value = percent(8, 6, 40, 30)["value"] | SIZE
    minimal = {"image": "/data/upload/1/a.jpg", "id": 1, "label": [value], "annotator": 1}
    assert corners(read("labelstudio", project(tmp_path, minimal))) == [(8, 6, 40, 30)]


def test_results_of_one_region_are_one_box(tmp_path):
    """A template for text in pictures: shape, label and text are results of their own."""
    place = {"x": 12.5, "y": 12.5, "width": 50, "height": 50, "rotation": 0}
    results = [
        {"id": "r1", "type": "rectangle", "value": place, **SIZE},
        {"id": "r1", "type": "labels", "value": {**place, "labels": ["Ten"]}, **SIZE},
        {"id": "r1", "type": "textarea", "value": {**place, "text": ["10,000"]}, **SIZE},
    ]
    (found,) = boxes(read("labelstudio", project(tmp_path, task(*results))))
    assert (found.label, found.xyxy) == ("Ten", (8, 6, 40, 30))


def test_choices_of_a_picture_are_counted(tmp_path):
    choice = {"type": "choices", "value": {"choices": ["blurred"]}}
    reading = read("labelstudio", project(tmp_path, task(choice, percent(8, 6, 40, 30))))
    assert len(reading.dataset.boxes) == 1
    assert list(reading.notes) == [
        "results that are no regions (choices, text and the like); left out"
    ]


def test_percent_without_a_size_is_of_the_picture(tmp_path):
    bare = percent(8, 6, 40, 30)
    del bare["original_width"], bare["original_height"]
    assert corners(read("labelstudio", project(tmp_path, task(bare)))) == [(8, 6, 40, 30)]


def test_crowd_stands_in_the_note_of_a_region(tmp_path):
    results = [percent(8, 6, 40, 30) | {"meta": {"text": ["crowd"]}}, percent(1, 2, 9, 9)]
    reading = read("labelstudio", project(tmp_path, task(*results)))
    assert [one.crowd for one in boxes(reading)] == [True, False]


def test_group_and_origin_are_paths_in_a_task(tmp_path):
    about = {"data": {"image": "a.jpg", "shop": "Seoul"}, "meta": {"video": 7}}
    root = project(tmp_path, task(percent(8, 6, 40, 30)) | about)
    images = read("labelstudio", root, group="meta.video", origin="data.shop").dataset.images
    assert (images.group.tolist(), images.origin.tolist()) == (["7"], ["Seoul"])


BAD = {
    "two labels": (
        percent(8, 6, 40, 30, rectanglelabels=["Ten", "Fifty"]),
        "has 2 labels where one is due",
    ),
    "a label of a number": (percent(8, 6, 40, 30, rectanglelabels=[7]), "7 where text is due"),
    "a point": (region("keypointlabels", x=1, y=2, width=0.5), "is a point, which has no box"),
    "a video": (region("videorectangle", sequence=[]), "which has no box"),
    "a side of text": (region(x="left", y=2, width=3, height=4), "x: is 'left', not a number"),
    "no width": (region(x=1, y=2, height=4), "width: is missing"),
    "infinite": (region(x=1e400, y=2, width=3, height=4), "x: is inf, not a finite number"),
    "a polygon of two": (region("polygonlabels", points=[[1, 2], [3, 4]]), "polygon of 2 points"),
    "a polygon of text": (region("polygonlabels", points=["ab", "cd", "ef"]), "'ab', not [x, y]"),
    "what is not known": (
        region("timelinelabels", ranges=[]),
        "drawn in a way that is not read (keys: timelinelabels, ranges)",
    ),
    "a bitmask of no PNG": (
        region("bitmasklabels", imageDataURL="data:image/png;base64,aGVsbG8="),
        "is a mask that is no PNG",
    ),
    "a mask of text": (region("brushlabels", rle="abc"), "rle: is 'abc' where a list is due"),
    "a mask of no bytes": (region("brushlabels", rle=[0, 291]), "a mask of what are no bytes"),
    "a mask cut short": (region("brushlabels", rle=[0, 0, 48, 0, 57]), "a mask that is cut short"),
    "a mask of a bomb": (region("brushlabels", rle=[255] * 9), "a mask of another size"),
}


@pytest.mark.parametrize("case", BAD)
def test_regions_that_are_wrong_are_told_and_the_others_kept(tmp_path, case):
    bad, expected = BAD[case]
    reading = read("labelstudio", project(tmp_path, task(bad, percent(1, 2, 9, 9))))
    assert corners(reading) == [(1, 2, 9, 9)]
    assert expected in told(reading)


def test_regions_of_pictures_of_two_sizes_are_told(tmp_path):
    results = [percent(8, 6, 40, 30), percent(1, 2, 9, 9) | {"original_width": 2 * WIDTH}]
    with pytest.raises(BoxwrightError, match="pictures of 2 sizes"):
        read("labelstudio", project(tmp_path, task(*results)))


@given(
    x=st.floats(0, 99), y=st.floats(0, 99), width=st.floats(0.1, 100), height=st.floats(0.1, 100)
)
def test_percent_to_pixels_to_a_hundredth(tmp_path_factory, x, y, width, height):
    root = tmp_path_factory.mktemp("percent", numbered=True)
    reading = read("labelstudio", project(root, task(region(x=x, y=y, width=width, height=height))))
    sides = np.array([x, y, x + width, y + height]) * [WIDTH, HEIGHT, WIDTH, HEIGHT] / 100
    np.testing.assert_allclose(reading.dataset.boxes.xyxy[0], sides, atol=1e-9)


def packed(values: list[int]) -> bytes:
    """Label Studio's packing of values: runs of three and more, and what is between them."""
    bits = [f"{len(values):032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in (3, 4, 8, 16))]

    def length(count: int) -> str:
        which = next(k for k, size in enumerate((3, 4, 8, 16)) if count <= 1 << size)
        return f"{which:02b}{count - 1:0{(3, 4, 8, 16)[which]}b}"

    def run(at: int) -> int:
        same = 1
        while at + same < len(values) and values[at + same] == values[at]:
            same += 1
        return same

    at = 0
    while at < len(values):
        same = run(at)
        if same >= 3:
            bits.append(f"1{length(same)}{values[at]:08b}")
            at += same
            continue
        end = at
        while end < len(values) and run(end) < 3:
            end += 1
        bits.append("0" + length(end - at) + "".join(f"{value:08b}" for value in values[at:end]))
        at = end
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


@given(st.data())
def test_masks_give_the_box_around_what_they_cover(data):
    width, height = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 9))
    alpha = data.draw(
        st.lists(st.sampled_from([0, 0, 0, 128]), min_size=width * height, max_size=width * height)
    )
    colour = data.draw(st.sampled_from([(200, 10, 30), (128, 128, 128), (0, 0, 0)]))
    values = [value for one in alpha for value in (*(colour if one else (0, 0, 0)), one)]
    if not any(alpha):
        with pytest.raises(DataError, match="empty mask"):
            masks.packed(packed(values), (width, height), Place("a.json"))
        return
    ys, xs = np.nonzero(np.reshape(alpha, (height, width)))
    expected = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert masks.packed(packed(values), (width, height), Place("a.json")) == expected


def test_masks_of_a_task(tmp_path):
    values = np.zeros((HEIGHT, WIDTH, 4), dtype=int)
    values[6:30, 8:40] = (200, 10, 30, 128)
    drawn = region("brushlabels", format="rle", rle=list(packed(values.ravel().tolist())))
    reading = read("labelstudio", project(tmp_path, task(drawn)))
    assert corners(reading) == [(8, 6, 40, 30)]
    assert reading.notes == {"masks; the box around each is kept": 1}


def test_bitmasks_of_a_task(tmp_path):
    mask = np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8)
    mask[6:30, 8:40, 3] = 255
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    address = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    reading = read(
        "labelstudio", project(tmp_path, task(region("bitmasklabels", imageDataURL=address)))
    )
    assert corners(reading) == [(8, 6, 40, 30)]


EXPORTED = task(*[percent(8, 6, 40, 30) | {"from_name": "label"}] * 99)
EXPORTED = {key: EXPORTED[key] for key in ("id", "annotations", "data")}  # data comes last
MINIMAL = {"image": "a.jpg", "label": [percent(8, 6, 40, 30)["value"] | SIZE], "annotation_id": 1}


@pytest.mark.parametrize("listed", [EXPORTED, MINIMAL], ids=["long", "minimal"])
def test_auto_knows_exports(tmp_path, listed):
    assert formats.detect(project(tmp_path, listed)) == "labelstudio"
