"""How the scene of a group is put together, and what changes from shot to shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.sample import hands
from pipeline.sample.camera import Camera
from pipeline.sample.coins import coin
from pipeline.sample.draw import Floats, Picture, rotation
from pipeline.sample.groups import Group
from pipeline.sample.layers import Layer, Light, Limb, Placed
from pipeline.sample.money import BGR, FACES, WON, Money
from pipeline.sample.notes import note
from pipeline.sample.options import SampleOptions
from pipeline.sample.render import Lens, Scene
from pipeline.sample.stuff import stuff
from pipeline.sample.surfaces import surface
from pipeline.sample.truth import look

Rng = np.random.Generator

_ASPECT = 3 / 4
_COARSE = 8  # the overlaps of a plan are looked at in pictures this many times smaller
_TRIES = 10
_COIN_SIZED = 30  # millimetres
_SEEN_MAIN, _SEEN_OTHER = 0.6, 0.5  # shares of an item that stay visible as it is planned


@dataclass(frozen=True, eq=False)
class Setting:
    """What the shots of a group have in common.

    Attributes:
        texture: Of the surface.
        layers: From bottom to top.
        camera: Where the shots are taken from, about.
        light: What they are lit by, about.
    """

    texture: Picture
    layers: tuple[Layer, ...]
    camera: Camera
    light: Light


def scenes(group: Group, options: SampleOptions) -> Iterator[Scene]:
    """The scenes of a group's shots."""
    setting = _setting(group, options, np.random.default_rng([options.seed, 1, group.number]))
    for shot in range(group.shots):
        yield _shot(setting, np.random.default_rng([options.seed, 2, group.number, shot]))


def money_sprite(money: Money, face: str, turn: float, rng: Rng) -> Placed:
    """A coin or a note at the middle of the table."""
    draw = coin if money.is_coin else note
    return Placed(draw(money, face, rng), (0.0, 0.0), turn, money.label(face))


def _setting(group: Group, options: SampleOptions, rng: Rng) -> Setting:
    long, short = options.side, round(options.side * _ASPECT)
    size = (long, short) if rng.random() < 0.8 else (short, long)
    several = group.money is not None and group.surface != "HAND" and rng.random() < 0.12
    main = _main(group, size, several, rng)
    camera = _camera(main, size, several, rng)
    layers: list[Layer] = [main] if main.label else []
    if several:
        layers = _with_more_money(layers, camera, rng)
    if group.surface != "HAND":
        layers = _with_stuff(layers, camera, rng)
    layers = _with_hands(layers, main, camera, group.surface, rng)
    return Setting(surface(group.surface, rng), tuple(layers), camera, _light(rng))


def _main(group: Group, size: tuple[int, int], several: bool, rng: Rng) -> Placed:
    """The item that the group is about; a background has a stand-in that is not drawn."""
    along = 0.0 if size[0] > size[1] else np.pi / 2
    turn = float(rng.uniform(0, 2 * np.pi))
    if several or rng.random() < 0.9:
        turn = float(along + np.pi * (rng.random() < 0.2) + rng.normal(0, 0.15))
    if group.money is None:
        return Placed(stuff(rng), (0.0, 0.0), turn)
    return money_sprite(group.money, group.face, turn, rng)


def _camera(main: Placed, size: tuple[int, int], several: bool, rng: Rng) -> Camera:
    """Close enough that the main item fills a fair part of the picture."""
    extent = np.ptp(main.sprite.outline[0] @ rotation(main.turn).T, axis=0)
    zoom = float(rng.uniform(*_fill(extent, several)) * min(np.array(size) / extent))
    free = np.clip(np.array(size) / zoom - extent, 0.1 * extent, None) / 2
    target = rng.uniform(-0.7, 0.7, 2) * free
    if rng.random() < 0.08:
        target += rng.choice([-1, 1], 2) * extent * rng.uniform(0, 0.3, 2)
    return Camera(
        size=size,
        target=(float(target[0]), float(target[1])),
        zoom=zoom,
        tilt=abs(float(rng.normal(0, 0.15))) % 0.5,
        azimuth=float(rng.uniform(0, 2 * np.pi)),
    )


def _fill(extent: Floats, several: bool) -> tuple[float, float]:
    """The least and most share of the picture's side that the main item takes."""
    if extent.max() < _COIN_SIZED:
        return (0.36, 0.46) if several else (0.45, 0.68)
    return (0.9, 1.0) if several else (0.6, 0.86)


def _light(rng: Rng) -> Light:
    warmth, exposure = float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)), rng.uniform(0.84, 1.08)
    return Light(
        direction=float(rng.uniform(0, 2 * np.pi)),
        low=float(rng.uniform(0.4, 1.6)),
        depth=float(rng.uniform(0.35, 0.65)),
        tint=(float(exposure * (1 - warmth)), float(exposure), float(exposure * (1 + warmth))),
        falloff=float(rng.uniform(0, 0.3)),
    )


def _with_more_money(layers: list[Layer], camera: Camera, rng: Rng) -> list[Layer]:
    """One to three more items; notes go below coins."""
    wide = camera.size[0] / camera.zoom > 110
    for _ in range(rng.integers(1, 3)):
        choice = WON if wide and rng.random() < 0.4 else WON[:4]
        money = choice[rng.integers(len(choice))]
        turn = float(rng.uniform(0, 2 * np.pi))
        item = money_sprite(money, str(rng.choice(list(FACES))), turn, rng)
        layers = _added(layers, lambda at, one=item: [replace(one, at=at)], camera,  # type: ignore[misc]
                        len(layers) if money.is_coin else 0, rng)  # fmt: skip
    return layers


def _with_stuff(layers: list[Layer], camera: Camera, rng: Rng) -> list[Layer]:
    """Up to three things that are no money; always some where there is no money."""
    fewest = 0 if layers else 1
    for _ in range(fewest + rng.choice([0, 1, 2, 3], p=[0.5, 0.3, 0.15, 0.05])):
        thing = Placed(stuff(rng), (0.0, 0.0), float(rng.uniform(0, 2 * np.pi)))
        level = 0 if rng.random() < 0.5 else len(layers)
        layers = _added(layers, lambda at, one=thing: [replace(one, at=at)], camera, level, rng)  # type: ignore[misc]
    return layers


def _with_hands(
    layers: list[Layer], main: Placed, camera: Camera, kind: str, rng: Rng
) -> list[Layer]:
    tone = hands.skin(rng)
    if kind == "HAND":
        return _held(layers, main, tone, rng)
    if rng.random() < 0.2:
        way = rotation(rng.uniform(0, 2 * np.pi)) @ (1.0, 0.0)
        return _added(layers, lambda at: hands.pointing(np.array(at), way, tone, rng), camera,
                      len(layers), rng)  # fmt: skip
    return layers


def _held(layers: list[Layer], main: Placed, tone: BGR, rng: Rng) -> list[Layer]:
    """The main item in a hand: a coin on the fingers, anything else between thumb and fingers."""
    outline = main.sprite.outline[0] @ rotation(main.turn).T
    extent = np.ptp(outline, axis=0)
    if extent.max() < _COIN_SIZED:
        return [*hands.under(np.zeros(2), tone, rng), *(layers or [main])]
    turn = main.turn + rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2], p=[0.35, 0.35, 0.2, 0.1])
    inwards = rotation(turn) @ (1.0, 0.0)
    edge = -inwards * float((outline @ inwards).max())
    edge += rotation(turn) @ (0.0, rng.uniform(-14, 14))
    below, above = hands.holding(edge, inwards, tone, rng)
    return [*below, *(layers or [main]), *above]


def _added(
    layers: list[Layer],
    make: Callable[[tuple[float, float]], Sequence[Layer]],
    camera: Camera,
    level: int,
    rng: Rng,
) -> list[Layer]:
    """Layers with more at a place, if one is found by chance that leaves every item visible."""
    small = replace(
        camera,
        size=(camera.size[0] // _COARSE, camera.size[1] // _COARSE),
        zoom=camera.zoom / _COARSE,
    )
    view = np.array(camera.size) / camera.zoom
    for _ in range(_TRIES):
        x, y = rng.uniform(-0.5, 0.5, 2) * view + camera.target
        tried = [*layers[:level], *make((float(x), float(y))), *layers[level:]]
        if _all_visible(tried, layers, small):
            return tried
    return layers


def _all_visible(tried: list[Layer], before: list[Layer], camera: Camera) -> bool:
    """Whether enough of every item is seen; of what was cut before, as much as before."""
    was = {item.label: item.share for item in look(before, camera)}
    return all(
        item.share >= min(_SEEN_MAIN, 0.85 * was.get(item.label, 1.0)) if item.label in was
        else item.share >= _SEEN_OTHER
        for item in look(tried, camera)
    )  # fmt: skip


def _shot(setting: Setting, rng: Rng) -> Scene:
    """The setting as it is a moment later: camera, light and things have moved a little."""
    camera, light = setting.camera, setting.light
    view = max(camera.size) / camera.zoom
    x, y = np.array(camera.target) + rng.normal(0, 0.04 * view, 2)
    exposure = rng.uniform(0.92, 1.08)
    b, g, r = (gain * exposure for gain in light.tint)
    return Scene(
        texture=setting.texture,
        span=1.5 * view,
        layers=tuple(_moved(layer, rng) for layer in setting.layers),
        camera=replace(
            camera,
            target=(float(x), float(y)),
            zoom=camera.zoom * float(rng.uniform(0.9, 1.1)),
            roll=float(rng.normal(0, 0.12)),
            tilt=abs(camera.tilt + float(rng.normal(0, 0.08))),
            azimuth=camera.azimuth + float(rng.normal(0, 0.5)),
        ),
        light=light._replace(
            direction=light.direction + float(rng.normal(0, 0.5)),
            tint=(b * float(rng.uniform(0.97, 1.03)), g, r),
        ),
        lens=_lens(rng),
    )


def _moved(layer: Layer, rng: Rng) -> Layer:
    step = rng.normal(0, 1.0, 2)
    if isinstance(layer, Limb):
        return replace(layer, points=layer.points + step)
    if isinstance(layer, Placed):
        at = (layer.at[0] + float(step[0]), layer.at[1] + float(step[1]))
        return replace(layer, at=at, turn=layer.turn + float(rng.normal(0, 0.05)))
    return layer


def _lens(rng: Rng) -> Lens:
    return Lens(
        blur=float(rng.uniform(0.0004, 0.0026)),
        smear=float(rng.uniform(0.005, 0.014)) if rng.random() < 0.06 else 0.0,
        smear_turn=float(rng.uniform(0, np.pi)),
        noise=float(rng.uniform(1.0, 6.0)),
        quality=int(rng.integers(62, 96)),
        seed=int(rng.integers(2**31)),
    )
