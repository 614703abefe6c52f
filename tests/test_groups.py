"""Groups: by names, CSV, EXIF, videos and looks; what `boxwright groups` leaves. Six seconds."""

from __future__ import annotations

import csv
import json
import math
import struct
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import boxwright, labelme, photos, picture, rectangle, written
from PIL import Image

from pipeline import formats
from pipeline.dataset import Boxes, Dataset, Images
from pipeline.engine import in_process
from pipeline.errors import BoxwrightError, DataError, DataErrors
from pipeline.formats.reading import Reading, ReadOptions
from pipeline.grouping import exif, names, table
from pipeline.grouping.combine import combine
from pipeline.grouping.job import GroupsOptions, groups
from pipeline.grouping.sheet import choose
from pipeline.grouping.summary import summarise
from pipeline.grouping.videos import video_of
from pipeline.grouping.ways import Grouped, group, json_field, tag
from pipeline.images import read_exif, read_header

# --- making ---


def named(*pictures: str, root: Path = Path("/nowhere"), split: list[str] | None = None) -> Reading:
    """A source of pictures that are names alone."""
    size = [[64, 48]] * len(pictures)
    images = Images.of(pictures, [str(root / one) for one in pictures], size, split=split)
    boxes = Boxes.of([], [], [])
    return Reading(Dataset(root, ("a",), images, boxes), images.name, np.zeros(0, np.int64), "")


def grouped(reading: Reading, *ways: str) -> dict[str, str]:
    found = group(reading, ways, in_process)
    return dict(zip(names.unique(reading.dataset.images), found.key, strict=True))


def together(reading: Reading, *ways: str) -> set[frozenset[str]]:
    """The groups as sets of names."""
    keys = grouped(reading, *ways)
    return {frozenset(n for n in keys if keys[n] == key) for key in keys.values()}


def shot(path: Path, taken: str = "", *, camera: str = "Canon EOS 5D", **more: str) -> str:
    """A picture of any format that holds EXIF, with the tags that cameras write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = Image.Exif()
    if camera:
        block[0x010F], block[0x0110] = camera.split(" ", 1)[0], camera
    tags = {"subsec": 0x9291, "offset": 0x9011, "serial": 0xA431, "digitized": 0x9004}
    inner = {tags[key]: value for key, value in more.items() if key in tags}
    block.get_ifd(0x8769).update(inner | ({0x9003: taken} if taken else {}))
    if "changed" in more:
        block[0x0132] = more["changed"]
    Image.new("RGB", (64, 48), (90, 120, 40)).save(path, exif=block)
    return str(path)


def seconds(path: str) -> float:
    return float(exif.read([path], in_process).time[0])


def rows(file: Path) -> dict[str, str]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return {row["picture"]: row["group"] for row in csv.DictReader(stream)}


# --- EXIF ---


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_camera_and_time_are_read_from_the_header(tmp_path: Path, ending: str) -> None:
    path = shot(tmp_path / f"한 a.{ending}", "1970:01:02 00:00:01", subsec="25", serial="0123")
    found = exif.read([path], in_process)
    assert found.camera.tolist() == ["Canon EOS 5D 0123"]
    assert found.time.tolist() == [86401.25]


def test_a_tiff_holds_its_exif_among_its_own_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("RGB", (8, 8)).save(path, tiffinfo={0x0110: "Nikon Z6"})
    assert exif.read([str(path)], in_process).camera.tolist() == ["Nikon Z6"]


def test_exif_behind_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    path = Path(shot(tmp_path / "a.png", "1970:01:01 00:01:00"))
    raw = path.read_bytes()
    at = raw.index(b"eXIf") - 4
    end = at + 12 + struct.unpack(">I", raw[at : at + 4])[0]
    tail = raw.index(b"IEND") - 4
    path.write_bytes(raw[:at] + raw[end:tail] + raw[at:end] + raw[tail:])
    assert seconds(str(path)) == 60


def test_an_offset_makes_the_time_that_of_everywhere(tmp_path: Path) -> None:
    seoul = shot(tmp_path / "s.jpg", "2024:05:01 21:00:00", offset="+09:00")
    lima = shot(tmp_path / "l.jpg", "2024:05:01 07:00:00", offset="-05:00")
    assert (
        seconds(seoul) == seconds(lima) == seconds(shot(tmp_path / "u.jpg", "2024:05:01 12:00:00"))
    )


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:01 00:00:00"]
)
def test_what_is_no_time_is_unknown(tmp_path: Path, taken: str) -> None:
    assert math.isnan(seconds(shot(tmp_path / "a.jpg", taken)))


def test_the_time_of_a_change_is_not_taken_for_that_of_the_shot(tmp_path: Path) -> None:
    assert math.isnan(seconds(shot(tmp_path / "a.jpg", changed="2024:05:01 12:00:00")))


@given(st.binary(max_size=200), st.integers(0, 120))
@settings(max_examples=60, deadline=None)
def test_damaged_exif_is_never_an_error(noise: bytes, at: int) -> None:
    block = Image.Exif()
    block[0x010F] = "Canon"
    block.get_ifd(0x8769).update({0x9003: "2024:05:01 12:00:00"})
    whole = block.tobytes()[6:]
    tiff = whole[:at] + noise + whole[at + len(noise) :]
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0"
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "a.jpg", head + tiff)
        assert len(exif.read([str(path)], in_process).camera) == 1


def test_files_without_exif_have_none(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.bmp")
    paths = [tmp_path / "a.bmp", picture(tmp_path / "b.jpg"), written(tmp_path / "c.webp", "no"),
             tmp_path / "gone.jpg"]  # fmt: skip
    found = exif.read([str(path) for path in paths], in_process)
    assert found.camera.tolist() == [""] * 4
    assert np.isnan(found.time).all()


def test_a_header_read_for_its_size_and_for_its_exif_is_the_same_walk(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", (64, 48), orientation=6)
    assert read_header(path)[:3] == (48, 64, 6)
    assert read_exif(path)[:2] in {b"II", b"MM"}


def test_a_burst_ends_where_the_camera_pauses(tmp_path: Path) -> None:
    times = ["12:00:00", "12:00:02", "12:00:04", "12:00:07"]
    paths = [shot(tmp_path / f"{i}.jpg", f"2024:05:01 {one}") for i, one in enumerate(times)]
    name = "Canon EOS 5D 2024-05-01 12:00:00"
    assert exif.bursts(exif.read(paths, in_process), 2) == [name] * 3 + [""]


def test_two_cameras_at_once_are_two_bursts(tmp_path: Path) -> None:
    paths = [
        shot(tmp_path / f"{number}.jpg", "2024:05:01 12:00:00", camera=f"Canon {number % 2}")
        for number in range(4)
    ]
    one, two, *again = exif.bursts(exif.read(paths, in_process))
    assert again == [one, two]
    assert one != two


def test_bursts_of_pictures_that_tell_no_time_are_refused(tmp_path: Path) -> None:
    shot(tmp_path / "a.jpg")
    with pytest.raises(BoxwrightError, match=r"no picture says when it was taken.*\n.*`found`"):
        group(named("a.jpg", root=tmp_path), ["exif:burst"], in_process)


@pytest.mark.parametrize("way", ["exif:lens", "exif:camera=3", "exif:burst=soon", "exif:burst=-1"])
def test_a_misspelt_exif_way_is_refused(way: str) -> None:
    with pytest.raises(BoxwrightError, match="exif:"):
        group(named("a.jpg"), [way], in_process)


# --- videos ---


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("clip_mp4-12_jpg.rf.37c622c6a79b700b0b2a707896b63ff1.jpg", "clip.mp4"),  # Roboflow
        ("006_mp4-0009_jpg.rf.419n46MAAGhPFkLszP8o.jpg", "006.mp4"),
        ("IMG_1_jpg.rf.37c622c6a79b700b0b2a707896b63ff1.jpg", "IMG_1"),  # copies of one picture
        ("clip.mp4#t=0.533333.jpg", "clip.mp4"),  # VoTT
        ("영상 1/frame_000123.PNG", "영상 1"),  # CVAT
        ("images/train/frame_000123.PNG", "frame"),
        ("a/clip_frame_12.jpg", "a/clip"),
        ("clip-frame-0012.jpg", "clip"),
        ("v/00000012.jpg", "v"),  # video-toimg, for labelme
        ("MOT17-02/img1/000001.jpg", "MOT17-02"),
        ("clip.avi/000012.jpg", "clip.avi"),
    ],
)  # fmt: skip
def test_frames_are_known_by_their_tools_names(name: str, video: str) -> None:
    assert video_of([name]) == [video]


@pytest.mark.parametrize(
    "name",
    ["IMG_0001.jpg", "BloodImage_00001.jpg", "train2017/000000000139.jpg", "v/20240501.jpg",
     "JPEGImages/000001.jpg", "mainframe12.jpg", "picture_frame.jpg", "50000_F_HAND_0_40.jpg"],
)  # fmt: skip
def test_photos_are_not_taken_for_frames(name: str) -> None:
    assert video_of([name]) == [""]


def test_frames_of_one_video_are_one_wherever_a_split_put_them() -> None:
    assert len(set(video_of(["train/images/c_frame_1.jpg", "valid/images/c_frame_2.jpg"]))) == 1


def test_who_says_video_means_numbers_too() -> None:
    pictures = ["clip_0001.jpg", "clip_0002.jpg", "b/0001.jpg", "b/0002.jpg", "IMG_0001.jpg"]
    assert list(grouped(named(*pictures), "video").values()) == [
        "clip", "clip", "b", "b", "IMG_0001.jpg",
    ]  # fmt: skip


def test_no_frames_at_all_is_an_error_that_shows_a_pattern() -> None:
    with pytest.raises(BoxwrightError, match=r"'video' matches none.*\n.*'cat.jpg'"):
        group(named("cat.jpg"), ["video"], in_process)


# --- names ---


def test_a_pattern_takes_its_groups_or_the_whole_match() -> None:
    reading = named("50/a_1.jpg", "50/a_2.png", "b.x_1.jpg")
    assert list(grouped(reading, r"(\w+)/([a-z])").values()) == ["50/a", "50/a", "b.x_1.jpg"]
    assert list(grouped(reading, r"^.+(?=_\d$)").values()) == ["50/a", "50/a", "b.x"]


def test_a_folder_is_a_group_and_pictures_outside_are_alone() -> None:
    reading = named("p/1.jpg", "p/2.jpg", "q/r/1.jpg", "3.jpg")
    assert list(grouped(reading, "folder").values()) == ["p", "p", "q/r", "3.jpg"]


@pytest.mark.parametrize(
    ("way", "told"),
    [("(", "no regular expression"), ("^zzz", "matches none"), ("vidoe", "did you mean 'video'"),
     ("folder", "no folders")],
)  # fmt: skip
def test_a_pattern_that_cannot_be_meant_is_refused(way: str, told: str) -> None:
    with pytest.raises(BoxwrightError, match=told):
        group(named("a_1.jpg"), [way], in_process)


def test_what_matches_not_is_counted() -> None:
    notes = group(named("a_1.jpg", "a_2.jpg", "b.jpg"), [r"^(.+)_\d$"], in_process).notes
    assert notes == [r"^(.+)_\d$: 1 groups, 1 of two pictures or more; 1 picture in none"]


def test_no_way_keeps_the_groups_of_the_source(tmp_path: Path) -> None:
    for name, note in (("a", "n1"), ("b", "n1"), ("c", "n2")):
        picture(tmp_path / f"{name}.jpg")
        labelme(tmp_path / f"{name}.json", rectangle("Ten", 8, 6, 40, 30), note=note)
    reading = formats.read("auto", tmp_path, ReadOptions(group="note"))
    assert list(grouped(reading).values()) == ["n1", "n1", "n2"]
    assert list(grouped(reading, "json:note").values()) == ["n1", "n1", "n2"]
    assert json_field(["folder", "json:note"]) == "note"


def test_two_json_fields_are_refused() -> None:
    with pytest.raises(BoxwrightError, match="one JSON field"):
        json_field(["json:a", "json:b"])


# --- several ways ---


def test_ways_are_chained() -> None:
    reading = named("x/a_1.jpg", "y/a_2.jpg", "y/b_1.jpg", "z/b_2.jpg", "z/c_1.jpg", "w/d_1.jpg")
    found = together(reading, "folder", r"([a-z])_\d$")
    assert {len(one) for one in found} == {5, 1}
    assert set(grouped(reading, "folder", r"([a-z])_\d$").values()) == {"w", "x"}


def test_two_groups_never_get_one_name_by_chance() -> None:
    """The folder a and the stem a are different things; so is a picture of that name."""
    reading = named("a/x_1.jpg", "a/y_1.jpg", "a_1.jpg", "a_2.jpg")
    assert len(together(reading, "folder", r"^([a-z])_\d$")) == 2


KEYS = st.lists(
    st.tuples(*[st.sampled_from(["", "p", "q", "r", "s"])] * 3), min_size=1, max_size=12
)


@given(KEYS)
@settings(max_examples=200, deadline=None)
def test_components_are_those_of_the_graph(keys: list[tuple[str, str, str]]) -> None:
    """Against reachability by repeated joining, on all pairs."""
    count = len(keys)
    reach = np.eye(count, dtype=bool)
    for a in range(count):
        for b in range(count):
            reach[a, b] |= any(x and x == y for x, y in zip(keys[a], keys[b], strict=True))
    for _ in range(count):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    found = combine(list(zip(*keys, strict=True)), [f"{row}.jpg" for row in range(count)])
    assert all(found)
    assert np.array_equal(reach, found[:, None] == found[None, :])


@given(KEYS, st.randoms())
@settings(max_examples=100, deadline=None)
def test_groups_have_the_same_names_in_any_order(
    keys: list[tuple[str, ...]], chance: object
) -> None:
    pictures = [f"{row}.jpg" for row in range(len(keys))]
    order = list(range(len(keys)))
    chance.shuffle(order)
    plain = dict(zip(pictures, combine([[k[0] for k in keys]], pictures), strict=True))
    mixed = combine([[keys[row][0] for row in order]], [pictures[row] for row in order])
    assert [plain[pictures[row]] for row in order] == mixed.tolist()


# --- CSV ---


@pytest.mark.parametrize(
    "raw",
    [
        "picture,group\n천원/a.jpg,노트 1\n".encode(),
        "\ufeffpicture,group\r\n천원/a.jpg,노트 1\r\n".encode(),
        "picture;group\r\n천원/a.jpg;노트 1\r\n".encode("cp949"),
        "sep=;\r\nPicture;Group\r\n천원/a.jpg;노트 1\r\n".encode("cp949"),
        "picture\tgroup\r\n천원/a.jpg\t노트 1\r\n".encode("utf-16"),
        'note,group,picture\n"a, b",노트 1,"천원/a.jpg"\n,,\n'.encode(),
        "picture,group\n천원\\a,노트 1\n".encode(),
        "picture,group\n./천원/a.jpg,노트 1\n".encode(),
    ],
)
def test_a_csv_is_read_as_spreadsheets_leave_it(tmp_path: Path, raw: bytes) -> None:
    file = written(tmp_path / "내 groups.csv", raw)
    found = grouped(named("천원/a.jpg", "b.jpg"), f"csv:{file}")
    assert found == {"천원/a.jpg": "노트 1", "b.jpg": "b.jpg"}


def test_names_that_macos_takes_apart_are_the_same(tmp_path: Path) -> None:
    file = written(tmp_path / "g.csv", "picture,group\n한.jpg,x\n")
    assert list(grouped(named("\u1112\u1161\u11ab.jpg"), f"csv:{file}").values()) == ["x"]


def test_every_bad_row_is_told(tmp_path: Path) -> None:
    file = written(tmp_path / "g.csv", "picture,group\na.jpg,x\nA.jpg,x\na,y\n,z\nb.jpg,x\n")
    with pytest.raises(DataErrors) as caught:
        group(named("a.jpg", "b.jpg"), [f"csv:{file}"], in_process)
    assert [(e.place, e.problem) for e in caught.value.errors] == [
        ("line 3", "there is no picture 'A.jpg'"),
        ("line 4", "'a' has the group 'y' here and 'x' in line 2"),
        ("line 5", "names no picture"),
    ]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"file,group\na.jpg,x\n", "has no column 'picture'; it holds 'file', 'group'"),
        (b"", "has no column 'picture' and 'group'; it holds nothing"),
        (b"picture,group\na.jpg\n", "line 2: has only 1 of the columns"),
        (b'picture,group\n"a.jpg,x\n', "is no CSV"),
        (b"picture,group\n\xff\xff\x81,x\n", "no text in UTF-8 or cp949"),
        (b"picture,group\na.jpg,\n", "its column is empty"),
    ],
)
def test_what_is_no_table_of_groups_is_refused(tmp_path: Path, raw: bytes, told: str) -> None:
    file = written(tmp_path / "g.csv", raw)
    with pytest.raises(BoxwrightError, match=told):
        group(named("a.jpg"), [f"csv:{file}"], in_process)


def test_a_csv_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoxwrightError, match=r"none\.csv: cannot be read"):
        group(named("a.jpg"), [f"csv:{tmp_path / 'none.csv'}"], in_process)


def test_a_row_of_a_picture_that_was_left_out_is_passed_over(tmp_path: Path) -> None:
    picture(tmp_path / "left.jpg")
    file = written(tmp_path / "g.csv", "picture,group\na.jpg,x\nleft.jpg,x\n")
    assert grouped(named("a.jpg", root=tmp_path), f"csv:{file}") == {"a.jpg": "x"}


def test_a_name_that_two_splits_share_needs_its_split(tmp_path: Path) -> None:
    reading = named("a.jpg", "a.jpg", split=["train", "val"])
    file = written(tmp_path / "g.csv", "picture,group\ntrain/a,x\n")
    assert grouped(reading, f"csv:{file}") == {"train/a.jpg": "x", "val/a.jpg": "val/a.jpg"}
    written(file, "picture,group\na.jpg,x\n")
    with pytest.raises(DataErrors, match="more than one picture"):
        group(reading, [f"csv:{file}"], in_process)


def test_a_picture_whose_cell_was_emptied_is_alone(tmp_path: Path) -> None:
    """Also where the others' group bears its name, as groups that were found do."""
    file = written(tmp_path / "g.csv", "picture,group\na.jpg,\nb.jpg,a.jpg\nc.jpg,a.jpg\n")
    found = together(named("a.jpg", "b.jpg", "c.jpg"), f"csv:{file}")
    assert found == {frozenset({"a.jpg"}), frozenset({"b.jpg", "c.jpg"})}


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip)


@given(st.lists(TEXT.filter(bool), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_csv_gives_back_what_was_written(keys: list[str]) -> None:
    images = named(*(f'"{row}, 천;.jpg' for row in range(len(keys)))).dataset.images
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "g.csv"
        table.write(file, images, keys)
        assert table.read(file, "group", images, Path("/nowhere")) == keys


# --- origins ---


def test_origins_are_told_by_the_same_ways(tmp_path: Path) -> None:
    paths = [Path(shot(tmp_path / "p/a.jpg", camera="Nikon Z6")), picture(tmp_path / "b.jpg")]
    reading = named(*(path.relative_to(tmp_path).as_posix() for path in paths), root=tmp_path)
    file = written(tmp_path / "o.csv", "picture,origin\nb,shop\n")
    assert tag(reading, "exif:camera", in_process).tolist() == ["Nikon Z6", ""]
    assert tag(reading, "folder", in_process).tolist() == ["p", ""]
    assert tag(reading, r"(\w)$", in_process).tolist() == ["a", "b"]
    assert tag(reading, f"csv:{file}", in_process).tolist() == ["", "shop"]


@pytest.mark.parametrize("way", ["found", "video", "none", "exif:burst=3"])
def test_what_is_no_origin_is_refused(way: str) -> None:
    with pytest.raises(BoxwrightError, match="tells no origin"):
        tag(named("a.jpg"), way, in_process)


# --- numbers and the sheet ---


def test_sizes_are_counted_in_powers_of_two() -> None:
    told = summarise(named(*"aabbbcdddddd").dataset.images.name)
    assert told["sizes"] == {"1": 1, "2": 1, "3-4": 1, "5-8": 1}
    assert told["largest"][0] == {"group": "d", "pictures": 6}
    assert (told["groups"], told["singles"], told["warnings"]) == (4, 1, [])


def test_a_chain_that_ran_away_is_warned_of() -> None:
    assert (
        "'a' holds 4 of 6 pictures"
        in summarise(named(*"aaaabc").dataset.images.name)["warnings"][0]
    )


def test_nothing_kept_together_is_warned_of() -> None:
    assert "every picture" in summarise(named(*"abcd").dataset.images.name)["warnings"][0]


def test_the_sheet_shows_the_largest_and_some_of_the_smallest() -> None:
    sizes = [9, 8, 7, 6, 5, 4, 3, 2, 2, 2, 1, 1]
    key = named(*(str(n) for n, size in enumerate(sizes) for _ in range(size))).dataset.images.name
    reading = named(*(f"{row}.jpg" for row in range(len(key))))
    blocks = choose(reading.dataset, Grouped(key, [], None), 6)
    assert [block.title for block in blocks[:4]] == ["0", "1", "2", "3"]
    assert len(blocks) == 7
    assert blocks[-1].title == "alone"
    assert blocks == choose(reading.dataset, Grouped(key, [], None), 6)
    assert blocks[4:6] != choose(reading.dataset, Grouped(key, [], None), 6, seed=5)[4:6]


def test_a_group_that_was_found_opens_with_the_link_that_holds_it_together() -> None:
    from pipeline.similar.chain import Pairs

    reading = named("0.jpg", "1.jpg", "2.jpg", "3.jpg")
    alike = np.array([0.9, 0.5, 0.6, 0.95])  # 0-1, 0-2, 1-2, 2-3: without 1-2 it falls apart
    pairs = Pairs(np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3]), alike, alike > 1)
    key = named(*["0.jpg"] * 4).dataset.images.name
    (block,) = choose(reading.dataset, Grouped(key, [], pairs), 6)
    assert block.pictures == [1, 2, 0, 3]
    assert "weakest link 0.60" in block.told
    assert block.captions == ["1.jpg  0.90", "2.jpg  0.95", "0.jpg  0.90", "3.jpg  0.95"]


# --- the command ---


def test_the_command_leaves_a_csv_and_a_sheet(tmp_path: Path) -> None:
    source = photos(tmp_path / "source <b>", 6)
    out, sheet = tmp_path / "새 폴더" / "g.csv", tmp_path / "g.jpg"
    ran = boxwright(
        "groups", source, "--by", r"^(a)[0-3]$", "--out", out, "--sheet", sheet, "--json"
    )
    told = json.loads(ran.stdout)
    assert (told["pictures"], told["groups"], told["singles"]) == (6, 3, 2)
    assert rows(out) == {f"a{n}.jpg": "a" if n < 4 else f"a{n}.jpg" for n in range(6)}
    assert out.read_bytes()[:3] == b"\xef\xbb\xbf"
    drawn = cv2.imdecode(np.fromfile(sheet, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape[1] > 4 * 200


def test_the_table_shows_groups_and_warnings(tmp_path: Path) -> None:
    source = photos(tmp_path / "s", 6)
    ran = boxwright("groups", source, "--by", r"^(a)", "--out", tmp_path / "g.csv",
                    "--sheet", tmp_path / "g.png")  # fmt: skip
    assert "holds 6 of 6 pictures" in ran.stdout
    assert "5-8" in ran.stdout


def test_a_csv_that_is_there_is_never_overwritten_unasked(tmp_path: Path) -> None:
    source, out = photos(tmp_path / "s", 4), written(tmp_path / "g.csv", "mine")
    words = ("groups", source, "--by", "none", "--out", out, "--sheet", tmp_path / "g.jpg")
    ran = boxwright(*words)
    assert (ran.returncode, out.read_text()) == (1, "mine")
    assert "--force" in ran.stderr
    assert boxwright(*words, "--force").returncode == 0
    assert len(rows(out)) == 4


@pytest.mark.parametrize("sheet", ["g.doc", "none/g.jpg"])
def test_a_sheet_that_cannot_be_written_is_told_before_any_work(tmp_path: Path, sheet: str) -> None:
    source = photos(tmp_path / "s", 4)
    ran = boxwright("groups", source, "--out", tmp_path / "g.csv", "--sheet", tmp_path / sheet)
    assert ran.returncode == 1
    assert not (tmp_path / "g.csv").exists()


def test_the_groups_of_a_prepared_tree_are_in_its_own_csv(tmp_path: Path) -> None:
    tree = tmp_path / "t"
    boxwright("convert", photos(tmp_path / "s", 8), tree, "--group", r"^(a[0-2])")
    ran = boxwright("groups", tree, "--by", f"csv:{tree / 'pictures.csv'}", "--json",
                    "--out", tmp_path / "g.csv", "--sheet", tmp_path / "g.jpg")  # fmt: skip
    assert json.loads(ran.stdout)["groups"] == 8


def test_a_corrected_csv_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    source, out = photos(tmp_path / "s", 4), tmp_path / "g.csv"
    words = ("groups", source, "--out", out, "--sheet", tmp_path / "g.jpg")
    boxwright(*words, "--by", "none")
    edited = out.read_text(encoding="utf-8").replace("a1.jpg,a1.jpg", "a1.jpg,a0.jpg")
    out.write_text(edited, encoding="utf-8")
    ran = boxwright(*words, "--by", f"csv:{out}", "--json")
    assert json.loads(ran.stdout)["groups"] == 3
    assert json.loads(ran.stdout)["csv"] is None
    assert out.read_text(encoding="utf-8") == edited


def test_pictures_need_no_annotations(tmp_path: Path) -> None:
    for name in ("p/a.jpg", "p/b.png", "q/c.jpg"):
        picture(tmp_path / "s" / name)
    ran = boxwright("groups", tmp_path / "s", "--by", "folder", "--out", tmp_path / "g.csv",
                    "--sheet", tmp_path / "g.jpg", "--json")  # fmt: skip
    assert json.loads(ran.stdout)["groups"] == 2


def test_a_config_tells_the_source_and_the_way(tmp_path: Path) -> None:
    source = photos(tmp_path / "s", 4)
    config = written(tmp_path / "run.yaml", f"name: r\nsource: {source}\nprepared: {tmp_path}/p\n"
                     "convert:\n  group: ^(a)[01]\n")  # fmt: skip
    ran = boxwright("groups", config, "--out", tmp_path / "g.csv", "--sheet", tmp_path / "g.jpg",
                    "--json")  # fmt: skip
    assert json.loads(ran.stdout)["by"] == ["^(a)[01]"]
    assert json.loads(ran.stdout)["groups"] == 3


def test_a_picture_that_cannot_be_decoded_is_told_and_shown_as_a_grey_field(tmp_path: Path) -> None:
    raw = picture(tmp_path / "s/a.png").read_bytes()
    written(tmp_path / "s/a.png", raw[:33] + raw[-12:])  # its header and its end
    picture(tmp_path / "s/b.png")
    sheet = tmp_path / "g.png"
    ran = boxwright("groups", tmp_path / "s", "--out", tmp_path / "g.csv", "--sheet", sheet)
    assert ran.stderr.count("a.png: is empty or no picture") == 1
    assert "1 picture cannot be decoded, and each is a group of its own" in ran.stdout
    drawn = cv2.imread(str(sheet))
    assert (drawn == 192).all(axis=2).sum() >= 200 * 200


def scene(path: Path, number: int, turn: float, shift: int) -> Path:
    """A shot of a made-up scene: blobs and lines, seen from a little elsewhere."""
    rng = np.random.default_rng(number)
    canvas = np.full((600, 800, 3), rng.integers(60, 200, 3), dtype=np.uint8)
    for _ in range(60):
        x, y = (int(v) for v in rng.integers(0, [800, 600]))
        tint = [int(v) for v in rng.integers(0, 255, 3)]
        cv2.circle(canvas, (x, y), int(rng.integers(5, 60)), tint, -1)
        end = (int(rng.integers(0, 800)), int(rng.integers(0, 600)))
        cv2.line(canvas, (x, y), end, tint[::-1], int(rng.integers(1, 6)))
    matrix = cv2.getRotationMatrix2D((400, 300), turn, 1.0)
    matrix[:, 2] += shift
    seen = cv2.warpAffine(canvas, matrix, (800, 600))[100:500, 150:650]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", seen)[1].tobytes())
    return path


def test_shots_of_one_scene_are_found_and_named_after_the_first(tmp_path: Path) -> None:
    for number in range(4):
        scene(tmp_path / f"s/{number}_a.jpg", number, 0, 0)
        scene(tmp_path / f"s/{number}_b.jpg", number, 2, 8)
    options = GroupsOptions(out=tmp_path / "g.csv", sheet=tmp_path / "g.jpg")
    told = groups(tmp_path / "s", options)
    assert told["groups"] == 4
    assert rows(options.out) == {f"{n}_{s}.jpg": f"{n}_a.jpg" for n in range(4) for s in "ab"}


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    written(tmp_path / "s/a.jpg", b"")
    with pytest.raises(DataError, match="is empty"):
        groups(tmp_path / "s", GroupsOptions(out=tmp_path / "g.csv"))
