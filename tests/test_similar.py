"""Pictures that show the same are found; those that only look alike are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.dataset import Boxes, Dataset, Images
from pipeline.errors import DataError
from pipeline.images import read_header
from pipeline.sample.groups import Group, plan
from pipeline.sample.layers import Placed
from pipeline.sample.money import WON
from pipeline.sample.options import SampleOptions
from pipeline.sample.render import Scene, render
from pipeline.sample.scenes import money_sprite, scenes
from pipeline.sample.surfaces import surface
from pipeline.sample.truth import look
from pipeline.similar import Found, Pairs, SimilarOptions, chain, find

Picture = NDArray[np.uint8]

OPTIONS = SampleOptions(images=60, seed=3, background=0, side=320)


def _notes() -> list[Group]:
    return [g for g in plan(OPTIONS) if g.money and not g.money.is_coin and g.surface != "HAND"]


def _dataset(folder: Path) -> Dataset:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sizes = [_size(path) for path in paths]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return Dataset(folder, (), Images.of(names, list(map(str, paths)), sizes), Boxes.of([], [], []))


def _size(path: Path) -> tuple[int, int]:
    try:
        return read_header(path)[:2]
    except DataError:  # a picture that cannot be read has no size
        return 640, 480


def _write(path: Path, picture: Picture, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    path.write_bytes(data)


def _names(folder: Path, options: SimilarOptions | None = None) -> set[tuple[str, str]]:
    dataset = _dataset(folder)
    pairs = find(dataset, options).pairs
    name = dataset.images.name
    return {(name[a], name[b]) for a, b in zip(pairs.a, pairs.b, strict=True)}


def _turned(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1.09)
    return cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE)


EDITS: dict[str, Callable[[Picture], Picture]] = {
    "encoded": lambda picture: picture,
    "half": lambda picture: cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "cropped": lambda picture: picture[7:-5, 16:],
    "bright": lambda picture: cv2.convertScaleAbs(picture, alpha=1.1),
    "dark": lambda picture: cv2.convertScaleAbs(picture, alpha=0.9),
    "turned": _turned,
}


@pytest.fixture(scope="module")
def drawn() -> list[Scene]:
    """Different notes in different scenes."""
    return [next(scenes(group, OPTIONS)) for group in _notes()[: len(EDITS)]]


def test_every_kind_of_edit_is_found_and_nothing_else(tmp_path: Path, drawn: list[Scene]) -> None:
    wanted = set()
    for scene, (kind, edit) in zip(drawn, EDITS.items(), strict=True):
        picture = render(scene)
        _write(tmp_path / f"{kind}_a.jpg", picture)
        _write(tmp_path / f"{kind}_b.jpg", edit(picture), 50)
        wanted.add((f"{kind}_a.jpg", f"{kind}_b.jpg"))
    assert _names(tmp_path) == wanted


def test_next_frame_of_a_video(tmp_path: Path, drawn: list[Scene]) -> None:
    scene = drawn[0]
    camera = replace(scene.camera, roll=scene.camera.roll + 0.01)
    _write(tmp_path / "1.jpg", render(scene))
    _write(tmp_path / "2.jpg", render(replace(scene, camera=camera)))
    assert _names(tmp_path) == {("1.jpg", "2.jpg")}


def test_another_note_on_the_same_desk_is_another_picture(tmp_path: Path) -> None:
    for number, group in enumerate(_notes()[:4]):
        scene = next(scenes(group, OPTIONS))
        _write(tmp_path / f"{number}_mine.jpg", render(scene))
        _write(tmp_path / f"{number}_other.jpg", render(_swapped(scene, group)))
    assert _names(tmp_path) == set()


def _swapped(scene: Scene, group: Group) -> Scene:
    """The same table, light and camera; another note where the first was."""
    assert group.money
    other = next(won for won in WON if not won.is_coin and won != group.money)
    mine = group.money.label(group.face)
    rng = np.random.default_rng(0)
    layers = [
        replace(money_sprite(other, group.face, layer.turn, rng), at=layer.at)
        if isinstance(layer, Placed) and layer.label == mine
        else layer
        for layer in scene.layers
    ]
    return replace(scene, layers=tuple(layers))


def test_shots_of_one_scene_chain_into_its_group(tmp_path: Path) -> None:
    wanted = []
    for number, group in enumerate(_notes()[:5]):
        for shot, scene in enumerate(scenes(group, OPTIONS)):
            _write(tmp_path / f"{number}_{shot}.jpg", render(scene))
            wanted.append(number)
    pairs = find(_dataset(tmp_path)).pairs
    group = np.array(wanted)
    label = chain(len(group), pairs)
    together = (label[:, None] == label) & ~np.eye(len(group), dtype=bool)
    same = (group[:, None] == group) & ~np.eye(len(group), dtype=bool)
    assert not (together & ~same).any()
    assert (together & same).sum() >= 0.8 * same.sum()


COIN = [g for g in plan(OPTIONS) if g.money and g.money.is_coin and g.surface == "CLOTH"][3]


def _coin(scene: Scene, change: Callable[[Placed], Placed]) -> Scene:
    """The scene with its coin changed."""
    layers = [
        change(layer) if isinstance(layer, Placed) and layer.label else layer
        for layer in scene.layers
    ]
    return replace(scene, layers=tuple(layers))


def _pushed(layer: Placed) -> Placed:
    """Some millimetres away, and turned by 17 degrees."""
    return replace(layer, at=(layer.at[0] + 7, layer.at[1] + 3), turn=layer.turn + 0.3)


def _exchanged(layer: Placed) -> Placed:
    """Another denomination."""
    other = next(won for won in WON if won.is_coin and won != COIN.money)
    return replace(money_sprite(other, "F", layer.turn, np.random.default_rng(0)), at=layer.at)


def _boxed(folder: Path, drawn: dict[str, Scene]) -> Dataset:
    """The scenes as pictures, with a box around each coin; its class is its denomination."""
    boxes = []
    for row, (name, scene) in enumerate(sorted(drawn.items())):
        _write(folder / f"{name}.jpg", render(scene))
        for item in look(scene.layers, scene.camera):
            names = [won.name for won in WON]
            boxes.append((row, names.index(item.label.split("_")[0]), item.box))
    image, label, xyxy = zip(*boxes, strict=True)
    return replace(_dataset(folder), boxes=Boxes.of(image, label, np.array(xyxy)))


def test_a_coin_that_moved_and_turned_on_its_cloth_is_found(tmp_path: Path) -> None:
    scene = next(scenes(COIN, OPTIONS))
    dataset = _boxed(tmp_path, {"a": scene, "b": _coin(scene, _pushed)})
    found = find(dataset).pairs
    assert (found.a.tolist(), found.b.tolist(), found.exact.tolist()) == ([0], [1], [False])
    unboxed = replace(dataset, boxes=Boxes.of([], [], []))
    assert len(find(unboxed).pairs.a) == 0


def test_another_coin_elsewhere_on_the_same_cloth_is_another_picture(tmp_path: Path) -> None:
    scene = next(scenes(COIN, OPTIONS))
    other = _coin(_coin(scene, _pushed), _exchanged)
    assert len(find(_boxed(tmp_path, {"a": scene, "b": other})).pairs.a) == 0


def test_another_coin_is_told_by_its_looks_where_the_label_is_wrong(tmp_path: Path) -> None:
    scene = next(scenes(COIN, OPTIONS))
    other = _coin(_coin(scene, _pushed), _exchanged)
    dataset = _boxed(tmp_path, {"a": scene, "b": other})
    alike = replace(dataset.boxes, label=np.zeros_like(dataset.boxes.label))
    assert len(find(replace(dataset, boxes=alike)).pairs.a) == 0


@pytest.mark.parametrize("kind", ["CLOTH", "PAPER", "TABLE"])
def test_the_same_coin_on_another_ground_is_another_picture(tmp_path: Path, kind: str) -> None:
    scene = next(scenes(COIN, OPTIONS))
    texture = surface(kind, np.random.default_rng(1))
    other = replace(_coin(scene, _pushed), texture=texture)
    assert len(find(_boxed(tmp_path, {"a": scene, "b": other})).pairs.a) == 0


def test_the_order_of_boxed_pictures_and_boxes_changes_nothing(tmp_path: Path) -> None:
    scene = next(scenes(COIN, OPTIONS))
    dataset = _boxed(tmp_path, {"a": scene, "b": _coin(scene, _pushed)})
    boxes = dataset.boxes.take(np.arange(len(dataset.boxes))[::-1])
    turned = replace(
        dataset,
        images=dataset.images.take(np.array([1, 0])),
        boxes=replace(boxes, image=1 - boxes.image),
    )
    assert find(turned).pairs.similarity.tolist() == find(dataset).pairs.similarity.tolist() != []


def test_boxes_beyond_the_picture_and_of_no_size_go_through(tmp_path: Path) -> None:
    scene = next(scenes(COIN, OPTIONS))
    dataset = _boxed(tmp_path, {"a": scene, "b": _coin(scene, _pushed)})
    odd = [(-50, -50, 1000, 1000), (10, 10, 10, 10), (900, 900, 950, 950), (300, 0, 330, 30)]
    boxes = Boxes.of([0] * 4 + [1] * 4, [0] * 8, np.array(odd * 2, dtype=float))
    assert len(find(replace(dataset, boxes=boxes)).pairs.a) == 0


def _noise(seed: int, size: tuple[int, int] = (96, 128)) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)


def test_many_copies_of_one_file_are_a_star(tmp_path: Path) -> None:
    for number in range(300):
        _write(tmp_path / f"{number:03d}.jpg", _noise(0))
    pairs = find(_dataset(tmp_path)).pairs
    assert pairs.a.tolist() == [0] * 299
    assert pairs.b.tolist() == list(range(1, 300))
    assert pairs.exact.all()
    assert (pairs.similarity == 1).all()


def test_equal_pixels_in_another_file_are_an_exact_copy(tmp_path: Path) -> None:
    _write(tmp_path / "a.png", _noise(0))
    _write(tmp_path / "b.bmp", _noise(0))
    assert find(_dataset(tmp_path)).pairs.exact.tolist() == [True]


def test_a_flat_picture_is_like_its_copy_only(tmp_path: Path) -> None:
    black = np.zeros((60, 80, 3), np.uint8)
    for name, picture in (("a", black), ("b", black), ("c", black + 9), ("d", black[:50])):
        _write(tmp_path / f"{name}.png", picture)
    assert _names(tmp_path) == {("a.png", "b.png")}


def test_what_cannot_be_decoded_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    for name in "ab":
        _write(tmp_path / f"{name}.png", _noise(0))
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    (tmp_path / "none.jpg").write_bytes(b"")
    found = find(_dataset(tmp_path))
    assert [Path(error.path).name for error in found.problems] == ["no.jpg", "none.jpg"]
    assert len(found.pairs.a) == 1


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    _write(tmp_path / "a.png", _noise(0))
    dataset = _dataset(tmp_path)
    (tmp_path / "a.png").unlink()
    assert "cannot be read" in find(dataset).problems[0].problem


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(tmp_path: Path, count: int) -> None:
    for number in range(count):
        _write(tmp_path / f"{number}.png", _noise(number))
    found = find(_dataset(tmp_path))
    assert len(found.pairs.a) == 0
    assert chain(count, found.pairs).tolist() == list(range(count))


def test_odd_files_go_through(tmp_path: Path) -> None:
    deep = np.uint16(_noise(1)) * 256
    alpha = cv2.cvtColor(_noise(2), cv2.COLOR_BGR2BGRA)
    for name, picture in (
        ("한국 사진.png", _noise(1)),
        ("deep.png", deep),
        ("alpha.png", alpha),
        ("grey.png", cv2.cvtColor(_noise(4), cv2.COLOR_BGR2GRAY)),
        ("clear.png", _noise(2)),
        ("dot.png", _noise(3)[:1, :1]),
        ("line.png", _noise(3)[:1]),
        ("column.png", _noise(3)[:, :1]),
    ):
        _write(tmp_path / name, picture)
    found = find(_dataset(tmp_path))
    assert found.problems == []
    assert _names(tmp_path) == {("alpha.png", "clear.png"), ("deep.png", "한국 사진.png")}


def test_a_turned_photo_is_seen_as_shown(tmp_path: Path, drawn: list[Scene]) -> None:
    from PIL import Image

    picture = render(drawn[1])
    _write(tmp_path / "a.jpg", picture)
    on_its_side = Image.fromarray(cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE)[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    on_its_side.save(tmp_path / "b.jpg", exif=exif, quality=90)
    assert _names(tmp_path) == {("a.jpg", "b.jpg")}


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    for number in range(30):
        _write(tmp_path / f"{number:02d}.jpg", _noise(number // 2), 95 - 30 * (number % 2))
    dataset = _dataset(tmp_path)
    one, two = (find(dataset, SimilarOptions(workers=count)).pairs for count in (1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))
    assert set(zip(one.a.tolist(), one.b.tolist(), strict=True)) >= {
        (number, number + 1) for number in range(0, 30, 2)
    }


def test_the_order_of_the_pictures_changes_nothing(tmp_path: Path) -> None:
    for number, group in enumerate(_notes()[:3]):
        for shot, scene in enumerate(scenes(group, OPTIONS)):
            _write(tmp_path / f"{number}_{shot}.jpg", render(scene))
    dataset = _dataset(tmp_path)
    order = np.random.default_rng(0).permutation(len(dataset.images))
    here = find(dataset).pairs
    there = find(replace(dataset, images=dataset.images.take(order))).pairs
    ends = np.sort(order[np.stack([there.a, there.b])], axis=0)
    moved = sorted(zip(*ends.tolist(), there.similarity.tolist(), strict=True))
    assert moved == list(zip(here.a, here.b, here.similarity, strict=True))
    assert len(moved) > 3


def _pairs(rows: Sequence[tuple[int, int]]) -> Pairs:
    a, b = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return Pairs(a, b, np.ones(len(a)), np.ones(len(a), dtype=bool))


EDGES = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


@settings(deadline=None)
@given(EDGES)
def test_a_chain_joins_what_a_walk_reaches(rows: list[tuple[int, int]]) -> None:
    label = chain(30, _pairs(rows))
    reached = np.eye(30, dtype=bool)
    for a, b in rows:
        reached[a, b] = reached[b, a] = True
    for _ in range(5):
        reached = reached @ reached
    assert label.tolist() == reached.argmax(axis=1).tolist()


def test_a_long_chain_is_one() -> None:
    order = np.random.default_rng(0).permutation(20_000)
    label = chain(20_000, _pairs(np.sort(np.stack([order[:-1], order[1:]], axis=1), axis=1)))
    assert (label == 0).all()


def test_found_is_plain(tmp_path: Path) -> None:
    _write(tmp_path / "a.png", _noise(0))
    found = find(_dataset(tmp_path))
    assert isinstance(found, Found)
    assert found.pairs.a.dtype == np.int64
    assert found.pairs.similarity.dtype == np.float64
    assert found.pairs.exact.dtype == bool
