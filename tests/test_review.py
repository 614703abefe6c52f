"""The review page, in a real browser; about 20 seconds. Skipped where there is no Chromium."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from making import boxwright, labelme, photos, picture, rectangle, written
from PIL import Image

from pipeline import formats
from pipeline.check import review
from pipeline.check.findings import Finding, Fix, as_json
from pipeline.check.review.crops import cut
from pipeline.images import decode

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
    "--disable-quic",
]
NASTY = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is on the path")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser):
    made = browser.new_context(viewport={"width": 1200, "height": 900})
    yield made
    made.close()


def found(k: int, fix: Fix | None = None, **more) -> Finding:
    """A finding of the picture a<k>.jpg of `photos`."""
    label = ("Ten", "Fifty")[k % 2]
    given = {
        "kind": "loose",
        "severity": "warning",
        "message": "is loose",
        "sureness": 0.9 - k / 10,
    }
    given |= {"image": f"a{k}.jpg", "label": label, "xyxy": (8.0, 6.0, 40.0, 30.0), "fix": fix}
    return Finding(**(given | more))


MOVE = Fix("change", (10.0, 8.0, 41.0, 31.0))
FOUR = (
    found(0, MOVE),
    found(1, Fix("change", None, "Ten"), kind="wrong class"),
    found(2, Fix("remove"), kind="spurious"),
    found(3, kind="odd size", severity="hint"),
)


def page_of(tmp: Path, findings=FOUR, source: Path | None = None) -> Path:
    source = source or photos(tmp / "s", 4)
    dataset = formats.read("auto", source).dataset
    (tmp / "page").mkdir()
    return review.write(findings, dataset, tmp / "page", name="set")


def opened(context, file: Path):
    """The page, which must not fail and must not ask for anything but itself."""
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.asked, page.failed = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.failed.append(str(error)))
    page.on("console", lambda told: told.type == "error" and page.failed.append(told.text))
    page.goto(file.as_uri())
    page.wait_for_selector("#pages:not(:empty)")
    return page


def kinds(page) -> list[str]:
    return page.locator(".finding b").all_inner_texts()


def saved(page, path: Path) -> dict:
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(path)
    return json.loads(path.read_text(encoding="utf-8"))


def words(decisions: dict) -> dict[str, str]:
    return {one["finding"]["image"]: one["decision"] for one in decisions["decisions"]}


def test_open_filter_accept_by_key_save_apply_and_the_box_is_changed(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    page.select_option("#kind", "loose")
    assert kinds(page) == ["loose"]
    page.keyboard.press("a")
    saved(page, tmp_path / "decisions.json")
    done = boxwright("fix", tmp_path / "s", tmp_path / "decisions.json", "-o", tmp_path / "mended")
    assert done.returncode == 0, done.stderr
    before, after = (
        formats.read("auto", tmp_path / name).dataset.boxes.xyxy.tolist()
        for name in ("s", "mended")
    )
    assert after == [[10, 8, 41, 31], *before[1:]]
    assert page.failed == []


def test_the_worst_and_surest_comes_first(tmp_path, context):
    page = opened(context, page_of(tmp_path, [*FOUR[::-1]]))
    assert kinds(page) == ["loose", "wrong class", "spurious", "odd size"]


def test_keys_decide_and_move_on(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    for key in "ars":
        page.keyboard.press(key)
    decisions = saved(page, tmp_path / "d.json")
    assert words(decisions) == {"a0.jpg": "accept", "a1.jpg": "reject", "a2.jpg": "skip"}
    assert decisions["open"] == 1


def test_arrows_move_and_u_takes_back(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    for key in ("a", "a", "ArrowLeft", "u"):
        page.keyboard.press(key)
    assert words(saved(page, tmp_path / "d.json")) == {"a0.jpg": "accept"}


def test_keys_work_with_a_korean_keyboard(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    key = "{key: 'ㅁ', code: 'KeyA', bubbles: true}"
    page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {key}))")
    assert words(saved(page, tmp_path / "d.json")) == {"a0.jpg": "accept"}


def test_a_button_decides_about_its_own_finding(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    page.locator(".finding").nth(2).get_by_role("button", name="reject").click()
    assert words(saved(page, tmp_path / "d.json")) == {"a2.jpg": "reject"}


def test_progress_is_kept_in_the_browser(tmp_path, context):
    file = page_of(tmp_path)
    page = opened(context, file)
    page.keyboard.press("a")
    page.close()
    again = opened(context, file)
    assert words(saved(again, tmp_path / "d.json")) == {"a0.jpg": "accept"}


def test_saved_decisions_are_loaded_in_another_browser(tmp_path, context, browser):
    file = page_of(tmp_path)
    page = opened(context, file)
    page.keyboard.press("a")
    page.keyboard.press("r")
    first = saved(page, tmp_path / "d.json")
    other = browser.new_context()
    again = opened(other, file)
    again.set_input_files("#load", tmp_path / "d.json")
    again.wait_for_selector("#told:not(:empty)")  # not by a function: the page evaluates none
    assert saved(again, tmp_path / "e.json") == first
    other.close()


@pytest.mark.parametrize(
    ("control", "value", "left"),
    [
        ("#severity", "hint", ["odd size"]),
        ("#class", "Fifty", ["wrong class", "odd size"]),
        ("#state", "accept", ["loose"]),
        ("#sure", "75", ["loose", "wrong class"]),
        ("#search", "A2", ["spurious"]),
    ],
)
def test_filters(tmp_path, context, control, value, left):
    page = opened(context, page_of(tmp_path))
    page.keyboard.press("a")
    if page.locator(control).evaluate("one => one.tagName") == "SELECT":
        page.select_option(control, value)
    else:
        page.fill(control, value)
    assert kinds(page) == left


def test_accept_all_shown_takes_what_has_a_suggestion_and_is_open(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    page.keyboard.press("r")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#every")
    assert words(saved(page, tmp_path / "d.json")) == {
        "a0.jpg": "reject",
        "a1.jpg": "accept",
        "a2.jpg": "accept",
    }


def test_a_dragged_corner_is_the_persons_own_fix(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    grip = page.locator(".current .handle").nth(2)  # the lower right one
    at = grip.bounding_box()
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    across = page.locator(".current svg").evaluate("svg => svg.getScreenCTM().a")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 5 * across, y + 3 * across, steps=4)
    page.mouse.up()
    page.keyboard.press("a")
    [one] = saved(page, tmp_path / "d.json")["decisions"]
    assert one["fix"]["xyxy"] == pytest.approx([10, 8, 46, 34], abs=0.3)
    assert one["finding"]["fix"]["xyxy"] == [10, 8, 41, 31]


@pytest.mark.parametrize(
    ("one", "action"),
    [
        (found(0, xyxy=(900.0, 900.0, 950.0, 950.0)), {"action": "change"}),
        (found(0, xyxy=None, label=""), {"action": "add", "label": "Ten"}),
    ],
)
def test_a_box_is_drawn_where_none_can_be_dragged(tmp_path, context, one, action):
    page = opened(context, page_of(tmp_path, [one]))
    at = page.locator(".current image").bounding_box()
    page.mouse.move(at["x"] + at["width"] / 4, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + 2 * at["height"], steps=4)  # beyond it
    page.mouse.up()
    page.keyboard.press("a")
    [decision] = saved(page, tmp_path / "d.json")["decisions"]
    assert decision["fix"].pop("xyxy") == pytest.approx([16, 24, 32, 48], abs=0.3)
    assert decision["fix"] == action


def test_a_click_on_the_picture_draws_nothing(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    page.locator(".current svg").click()
    page.keyboard.press("a")
    [decision] = saved(page, tmp_path / "d.json")["decisions"]
    assert "fix" not in decision


def test_a_finding_without_a_suggestion_is_mended_by_hand(tmp_path, context):
    page = opened(context, page_of(tmp_path, [FOUR[3]]))
    page.locator(".current .choices select").select_option("Ten")
    page.keyboard.press("a")
    [one] = saved(page, tmp_path / "d.json")["decisions"]
    assert one["fix"] == {"action": "change", "label": "Ten"}


def test_d_suggests_to_remove_the_label(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    page.keyboard.press("d")
    page.keyboard.press("a")
    [one] = saved(page, tmp_path / "d.json")["decisions"]
    assert one["fix"] == {"action": "remove"}


def test_names_are_shown_as_text_and_run_nothing(tmp_path, context):
    name = 'x "<b>" 만원.jpg'
    picture(tmp_path / "s" / name)
    labelme(
        tmp_path / "s" / name.replace("jpg", "json"), rectangle(NASTY, 8, 6, 40, 30), imagePath=name
    )
    one = Finding("loose", "error", NASTY, image=name, label=NASTY, xyxy=(8, 6, 40, 30), fix=MOVE)
    page = opened(context, page_of(tmp_path, [one], tmp_path / "s"))
    assert page.title() == "Review: set"
    assert NASTY in page.locator(".finding").inner_text()
    assert page.locator(".finding script, .finding img").count() == 0
    assert page.failed == []
    page.keyboard.press("a")
    assert saved(page, tmp_path / "d.json")["decisions"][0]["finding"]["label"] == NASTY


def test_the_page_asks_for_nothing_but_itself(tmp_path, context):
    file = page_of(tmp_path)
    page = opened(context, file)
    page.keyboard.press("a")
    others = [url for url in page.asked if not url.startswith(("data:", file.as_uri()))]
    assert others == []


def test_the_picture_and_the_boxes_are_drawn_where_they_are(tmp_path, context):
    page = opened(context, page_of(tmp_path))
    width = page.locator(".finding image").first.evaluate(
        "one => one.getBoundingClientRect().width"
    )
    box = page.locator(".finding rect.label").first
    sides = [float(box.get_attribute(name)) for name in ("x", "y", "width", "height")]
    assert width > 100
    assert sides == [8, 6, 32, 24]


def test_a_picture_that_is_gone_leaves_the_finding(tmp_path, context):
    source = photos(tmp_path / "s", 2)
    dataset = formats.read("auto", source).dataset
    (source / "a0.jpg").unlink()
    (tmp_path / "page").mkdir()
    page = opened(context, review.write([FOUR[0]], dataset, tmp_path / "page"))
    assert page.locator(".finding rect.label").count() == 1


def test_a_finding_of_the_whole_set_has_no_picture(tmp_path, context):
    whole = Finding("shifted set", "error", "all boxes are 2 px to the right", advice="shift them")
    page = opened(context, page_of(tmp_path, [whole]))
    assert page.locator(".finding .crop").count() == 0
    assert "shift them" in page.locator(".finding").inner_text()


def test_many_findings_open_and_answer_quickly(tmp_path, context):
    many = [
        found(k % 4, MOVE, message=f"number {k}", sureness=round(1 - k / 20_000, 5))
        for k in range(10_000)
    ]
    page = opened(context, page_of(tmp_path, many))
    took = page.evaluate(
        "() => { const start = performance.now(); for (let k = 0; k < 10; k++) "
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}));"
        "return performance.now() - start; }"
    )
    assert page.locator("#progress").inner_text().startswith("10 of 10000 decided")
    assert took < 4000  # 40 ms each on two cores; a page that drew all would take minutes


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("side", [40, 400])
def test_a_crop_shows_the_pixels_of_its_region(tmp_path, orientation, side):
    source = tmp_path / "s"
    source.mkdir()
    ramp = np.zeros((480, 640, 3), np.uint8)  # blue grows to the right, red downwards
    ramp[..., 2], ramp[..., 0] = np.arange(640) * 255 / 639, (np.arange(480) * 255 / 479)[:, None]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(ramp).save(source / "a.jpg", exif=exif, quality=95)
    shown = decode(source / "a.jpg")
    height, width = shown.shape[:2]
    labelme(
        source / "a.json",
        rectangle("Ten", 200, 100, 300, 220),
        imageWidth=width,
        imageHeight=height,
    )
    one = Finding("loose", "hint", "is loose", image="a.jpg", xyxy=(200, 100, 300, 220))
    [crop] = cut([one], [0], formats.read("auto", source).dataset, side)
    x, y, w, h = (round(value) for value in crop.region)
    part = cv2.imdecode(np.frombuffer(crop.jpeg, np.uint8), cv2.IMREAD_COLOR)
    expected = cv2.resize(
        shown[y : y + h, x : x + w], part.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert max(part.shape[:2]) <= side
    assert (x, y) < (200, 100)
    assert np.abs(part.astype(int) - expected).mean() < 3


def test_the_same_findings_give_the_same_page(tmp_path):
    first = page_of(tmp_path)
    text = first.read_bytes()
    shutil.rmtree(tmp_path / "page")
    assert page_of(tmp_path, [*FOUR[::-1]], tmp_path / "s").read_bytes() == text


def test_the_page_is_made_from_the_command_line(tmp_path):
    source = photos(tmp_path / "s", 4)
    file = written(tmp_path / "f.json", json.dumps({"findings": list(map(as_json, FOUR))}))
    done = boxwright("fix", source, file, "-o", tmp_path / "out", "--to", "page", "--json")
    assert json.loads(done.stdout)["findings"] == 4
    assert (tmp_path / "out/review.html").exists()
