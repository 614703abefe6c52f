"""`predict` on real files, with a detector that finds red and blue squares by their colour."""

import csv
import http.server
import json
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from typer.testing import CliRunner

from pipeline import manifest, models
from pipeline.cli.app import app
from pipeline.dataset import Boxes
from pipeline.errors import BoxwrightError, DataErrors
from pipeline.inference.run import PredictOptions, predict

RED, BLUE = (0, 0, 255), (255, 0, 0)
TABLE = (120, 140, 130)
PREDICT = (  # how a test's own process begins
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path; from test_predict import Squares\n"
    "from pipeline.inference.run import PredictOptions, predict\n"
)


class Squares:
    """Finds red and blue squares; a detector as the models give one."""

    classes = ("오만원 50000", "a/b: <b>")

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.calls = []

    def detect(self, pictures, *, conf=0.25, iou=0.7, max_det=300):
        time.sleep(self.seconds)
        self.calls.append((len(pictures), conf, iou, max_det))
        found = [(i, *box) for i, p in enumerate(pictures) for box in self._squares(p)]
        image, label, xyxy = zip(*found, strict=True) if found else ((), (), ())
        return Boxes.of(image, label, xyxy, score=[0.9 - 0.1 * x for x in label])

    def _squares(self, picture):
        for label, channel in enumerate((2, 0)):
            others = [c for c in range(3) if c != channel]
            mask = (picture[..., channel] > 180) & (picture[..., others].max(axis=2) < 90)
            for x, y, w, h, area in cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]:
                if area > 100:
                    yield label, (x, y, x + w, y + h)


def scene(box=(40, 30, 100, 70), size=(320, 240), colour=RED):
    """A picture (BGR) of `size` (width, height) with one square at `box`."""
    picture = np.full((size[1], size[0], 3), TABLE, dtype=np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = colour
    return picture


def write_photo(path, picture, orientation=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.fromarray(picture[..., ::-1]).save(path, quality=95, exif=exif)
    return path


def write_video(path, frames=20, rate=10.0, size=(320, 240), codec="mp4v"):
    """A red square that moves ten pixels a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, size)
    assert writer.isOpened()
    for i in range(frames):
        writer.write(scene((i * 10, 50, i * 10 + 60, 110), size))
    writer.release()
    return path


def read_video(path):
    """Its frames and its rate."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS)
    frames = []
    while (got := capture.read())[0]:
        frames.append(got[1])
    return frames, rate


@pytest.fixture
def run(tmp_path):
    """Predict into tmp_path/out; gives the summary."""

    def go(*sources, detector=None, **options):
        names = [str(source) for source in sources]
        return predict(detector or Squares(), names, PredictOptions(**options), tmp_path / "out")

    return go


def found(tmp_path):
    return json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))


# Photos


def test_finds_a_square_where_it_is(tmp_path, run):
    run(write_photo(tmp_path / "a.jpg", scene()), save_json=True)
    (annotation,) = found(tmp_path)["annotations"]
    assert annotation["category"] == "오만원 50000"
    assert annotation["bbox"] == pytest.approx([40, 30, 60, 40], abs=2)


def test_draws_the_box_and_nothing_far_from_it(tmp_path, run):
    path = write_photo(tmp_path / "a.png", scene())
    run(path)
    was, drawn = cv2.imread(str(path)), cv2.imread(str(tmp_path / "out" / "annotated" / "a.png"))
    changed = (was != drawn).any(axis=2)
    assert changed[30, 40:100].all()
    assert not changed[90:].any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_in_pixels_of_the_photo_as_shown(tmp_path, run, orientation):
    path = write_photo(tmp_path / "turned.jpg", scene(), orientation)
    run(path, save_json=True)
    shown = cv2.imread(str(path))  # OpenCV turns it
    (image,), (annotation,) = found(tmp_path)["images"], found(tmp_path)["annotations"]
    assert (image["height"], image["width"]) == shown.shape[:2]
    x, y, w, h = (round(n) for n in annotation["bbox"])
    assert np.abs(shown[y + 4 : y + h - 4, x + 4 : x + w - 4].astype(int) - RED).max() < 60
    assert cv2.imread(str(tmp_path / "out" / "annotated" / "turned.jpg")).shape == shown.shape


def test_keeps_sub_folders_and_nasty_names(tmp_path, run):
    names = ["한글 폴더/오만원 'a' \"b\" <b>.jpg", "b/c/d.JPG", "100%.png", "[1].jpg"]
    for name in names:
        write_photo(tmp_path / "in" / name, scene())
    summary = run(tmp_path / "in", save_txt=True)
    out = tmp_path / "out"
    drawn = {p.relative_to(out / "annotated").as_posix() for p in out.glob("annotated/**/*.*")}
    assert drawn == set(names)
    assert len(list(out.glob("labels/**/*.txt"))) == 4
    assert summary["photos"] == 4


def test_equal_names_from_two_folders_are_both_written(tmp_path, run, caplog):
    caplog.set_level("INFO", "pipeline")
    for folder in ("a", "b"):
        write_photo(tmp_path / folder / "1.jpg", scene())
    write_photo(tmp_path / "b" / "1.png", scene())
    run(tmp_path / "a", tmp_path / "b", save_txt=True)
    drawn = sorted(p.name for p in (tmp_path / "out" / "annotated").iterdir())
    assert drawn == ["1-2.jpg", "1-3.png", "1.jpg"]
    assert len(list((tmp_path / "out" / "labels").iterdir())) == 3
    assert "1-2.jpg" in caplog.text


def test_a_photo_named_twice_is_looked_at_once(tmp_path, run):
    path = write_photo(tmp_path / "in" / "a.jpg", scene())
    assert run(path, path.parent)["photos"] == 1


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("in/*.jpg", ["1.jpg", "2.jpg"]),
        ("in/**/*.jpg", ["1.jpg", "2.jpg", "sub/3.jpg"]),
        ("in/[12].jpg", ["1.jpg", "2.jpg"]),
        ("i*/sub", ["in/sub/3.jpg"]),
    ],
)
def test_globs(tmp_path, run, pattern, names):
    for name in ("1.jpg", "2.jpg", "sub/3.jpg"):
        write_photo(tmp_path / "in" / name, scene())
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    run(tmp_path / pattern)
    annotated = tmp_path / "out" / "annotated"
    assert sorted(p.relative_to(annotated).as_posix() for p in annotated.rglob("*.jpg")) == names


def test_photos_are_looked_at_in_batches(tmp_path, run):
    for i in range(5):
        write_photo(tmp_path / "in" / f"{i}.jpg", scene())
    detector = Squares()
    run(tmp_path / "in", detector=detector, batch=2)
    assert [call[0] for call in detector.calls] == [2, 2, 1]


def test_thresholds_reach_the_model(tmp_path, run):
    detector = Squares()
    run(write_photo(tmp_path / "a.jpg", scene()), detector=detector, conf=0.4, iou=0.5, max_det=7)
    assert detector.calls == [(1, 0.4, 0.5, 7)]


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "cut short"])
def test_a_broken_photo_is_passed_over_and_named(tmp_path, run, content):
    whole = write_photo(tmp_path / "in" / "a.jpg", scene())
    broken = tmp_path / "in" / "b.jpg"
    data = whole.read_bytes()
    broken.write_bytes(data[: len(data) // 2] if content is None else content)
    write_photo(tmp_path / "in" / "c.jpg", scene())
    summary = run(tmp_path / "in")
    assert [item["source"] for item in summary["passed_over"]] == [str(broken)]
    assert summary["photos"] == summary["boxes"] == 2
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["passed_over"] == summary["passed_over"]


def test_nothing_is_written_where_nothing_can_be_read(tmp_path, run):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(BoxwrightError, match=r"broken\.jpg"):
        run(broken)
    assert [p.name for p in tmp_path.iterdir()] == ["broken.jpg"]


def test_every_wrong_source_is_named_before_anything_starts(tmp_path, run):
    good = write_photo(tmp_path / "a.jpg", scene())
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("OpenCV would draw this as a video")
    wrong = ["gone.jpg", "empty", "notes.txt", "*.png"]
    detector = Squares()
    with pytest.raises(DataErrors) as caught:
        run(good, *(tmp_path / name for name in wrong), detector=detector)
    assert [Path(error.path).name for error in caught.value.errors] == wrong
    assert not detector.calls
    assert not (tmp_path / "out").exists()


def test_photos_of_a_kind_that_cannot_be_read_are_told(tmp_path, run, caplog):
    write_photo(tmp_path / "in" / "a.jpg", scene())
    (tmp_path / "in" / "b.HEIC").write_bytes(b"ftypheic")
    run(tmp_path / "in")
    assert "1 .heic" in caplog.text


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for i in range(12):
        write_photo(tmp_path / "in" / f"{i}.jpg", scene((i, i, i + 50, i + 50)))
    write_video(tmp_path / "in" / "clip.mp4")
    options = PredictOptions(save_json=True, save_csv=True, save_txt=True, save_crops=True)
    for name in ("one", "two"):
        predict(Squares(), [str(tmp_path / "in")], options, tmp_path / name)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for n in [name] for p in files(tmp_path / n)}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) > 60


def files(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


# Lists


def test_json_opens_in_pycocotools(tmp_path, run, capsys):
    write_photo(tmp_path / "in" / "a.jpg", scene())
    write_photo(tmp_path / "in" / "background.jpg", scene((0, 0, 1, 1)))
    write_video(tmp_path / "in" / "clip.mp4", frames=3)
    run(tmp_path / "in", save_json=True)
    coco = COCO(str(tmp_path / "out" / "predictions.json"))
    capsys.readouterr()
    names = [(i["file_name"], i.get("frame")) for i in coco.loadImgs(coco.getImgIds())]
    assert names == [
        ("a.jpg", None), ("background.jpg", None),
        ("clip.mp4", 0), ("clip.mp4", 1), ("clip.mp4", 2),
    ]  # fmt: skip
    boxes = coco.loadAnns(coco.getAnnIds(imgIds=[5]))
    assert [box["bbox"] for box in boxes] == [pytest.approx([20, 50, 60, 60], abs=3)]


def test_csv_has_a_line_for_every_box(tmp_path, run):
    picture = scene()
    picture[150:200, 200:280] = BLUE
    path = write_photo(tmp_path / "a.png", picture)
    run(path, save_csv=True)
    text = (tmp_path / "out" / "predictions.csv").read_text(encoding="utf-8-sig")
    first, second = csv.DictReader(text.splitlines())
    assert (first["file"], first["source"], first["frame"]) == ("a.png", str(path), "")
    assert [second[k] for k in ("x1", "y1", "x2", "y2")] == ["200.0", "150.0", "280.0", "200.0"]
    assert (second["class"], second["score"]) == ("a/b: <b>", "0.8")


def test_txt_has_yolo_lines_with_the_score_behind(tmp_path, run):
    write_photo(tmp_path / "in" / "a.png", scene((40, 30, 100, 70), (320, 240)))
    write_photo(tmp_path / "in" / "background.png", scene((0, 0, 1, 1)))
    run(tmp_path / "in", save_txt=True)
    labels = tmp_path / "out" / "labels"
    assert (labels / "a.txt").read_text() == "0 0.218750 0.208333 0.187500 0.166667 0.90000\n"
    assert (labels / "background.txt").read_text() == ""


def test_txt_of_a_video_is_a_file_a_frame(tmp_path, run):
    run(write_video(tmp_path / "clip.mp4", frames=4), save_txt=True)
    names = sorted(p.name for p in (tmp_path / "out" / "labels" / "clip.mp4").iterdir())
    assert names == ["000000.txt", "000001.txt", "000002.txt", "000003.txt"]


def test_crops_are_the_boxes_in_a_folder_for_each_class(tmp_path, run):
    write_photo(tmp_path / "in" / "sub" / "a.png", scene((0, 200, 60, 240), colour=BLUE))
    run(tmp_path / "in", save_crops=True)
    (crop,) = files(tmp_path / "out" / "crops")
    assert crop.relative_to(tmp_path / "out" / "crops").as_posix() == "a_b_ _b_/sub/a_1.jpg"
    picture = cv2.imread(str(crop))
    assert picture.shape == (40, 60, 3)
    assert np.abs(picture.astype(int) - BLUE).max() < 10


def test_class_folders_fit_every_file_system():
    from pipeline.inference.results import folder_names

    names = ["a/b", "a:b", "A_b", "..", "con", "", "x" * 300, "끝. "]
    assert folder_names(names) == ["a_b", "a_b-2", "A_b-3", "_", "_con", "_-2", "x" * 80, "끝"]


def test_only_the_classes_asked_for(tmp_path, run):
    picture = scene()
    picture[150:200, 200:280] = BLUE
    summary = run(write_photo(tmp_path / "a.png", picture), classes=("a/b: <b>",))
    assert summary["classes"] == {"오만원 50000": 0, "a/b: <b>": 1}


def test_an_unknown_class_is_refused_with_those_there_are(tmp_path, run):
    with pytest.raises(BoxwrightError, match="오만원 50000"):
        run(write_photo(tmp_path / "a.png", scene()), classes=("오만원",))


def test_nothing_to_write_is_refused(tmp_path, run):
    with pytest.raises(BoxwrightError, match="--save-json"):
        run(write_photo(tmp_path / "a.png", scene()), pictures=False)
    assert not (tmp_path / "out").exists()


def test_without_pictures_only_lists_are_written(tmp_path, run):
    run(write_photo(tmp_path / "a.png", scene()), pictures=False, save_json=True)
    assert {p.name for p in files(tmp_path / "out")} == {"predictions.json", "manifest.json"}


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path, run):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("mine")
    with pytest.raises(BoxwrightError, match="boxwright did not make it"):
        run(write_photo(tmp_path / "a.png", scene()))
    assert [p.name for p in files(tmp_path / "out")] == ["thesis.doc"]


def test_earlier_predictions_are_replaced_whole(tmp_path, run):
    run(write_photo(tmp_path / "a.png", scene()))
    run(write_photo(tmp_path / "b.png", scene()))
    assert [p.name for p in (tmp_path / "out" / "annotated").iterdir()] == ["b.png"]


# Videos


@pytest.mark.parametrize("rate", [10.0, 23.976, 29.97, 59.94, 120.123])
def test_a_video_keeps_its_length_and_rate(tmp_path, run, rate):
    summary = run(write_video(tmp_path / "clip.avi", rate=rate, codec="MJPG"))
    frames, got = read_video(tmp_path / "out" / "annotated" / "clip.mp4")
    assert (len(frames), summary["frames"]) == (20, 20)
    assert got == pytest.approx(rate, rel=1e-3)


def test_the_frames_of_a_video_stay_in_order(tmp_path, run):
    path = write_video(tmp_path / "clip.mp4")
    run(path)
    was, drawn = (read_video(p)[0] for p in (path, tmp_path / "out" / "annotated" / "clip.mp4"))
    for one, other in zip(was, drawn, strict=True):
        square = np.s_[60:100]  # below the label, within the square
        assert np.abs(one[square].astype(int) - other[square]).mean() < 4


def test_odd_sides_lose_no_pixel(tmp_path, run):
    path = tmp_path / "odd.gif"  # OpenCV's own writers cut an odd side off
    frames = [Image.fromarray(scene((i, i, i + 50, i + 50), (321, 241))) for i in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    run(path)
    assert read_video(tmp_path / "out" / "annotated" / "odd.mp4")[0][0].shape == (242, 322, 3)


def test_a_phone_video_is_turned_as_players_turn_it(tmp_path, run):
    path = write_video(tmp_path / "phone.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44  # ISO 14496-12, 8.3.2: version 0
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    run(path, save_json=True)
    assert read_video(tmp_path / "out" / "annotated" / "phone.mp4")[0][0].shape == (320, 240, 3)
    assert found(tmp_path)["annotations"][0]["bbox"] == pytest.approx([130, 0, 60, 60], abs=4)


def test_every_nth_frame_plays_as_long(tmp_path, run):
    summary = run(write_video(tmp_path / "clip.mp4"), vid_stride=4, save_json=True)
    frames, rate = read_video(tmp_path / "out" / "annotated" / "clip.mp4")
    assert (len(frames), rate, summary["frames"]) == (5, 2.5, 5)
    assert [image["frame"] for image in found(tmp_path)["images"]] == [0, 4, 8, 12, 16]


def test_at_most_so_many_frames(tmp_path, run):
    assert run(write_video(tmp_path / "clip.mp4"), max_frames=7)["frames"] == 7


def test_broken_frames_are_passed_over_and_the_length_is_kept(tmp_path, run):
    path = write_video(tmp_path / "clip.avi", codec="MJPG")
    data = bytearray(path.read_bytes())
    at = [i for i in range(len(data)) if data[i : i + 4] == b"00dc"][11]  # 0 is in a header
    data[at + 8 : at + 1008] = bytes(1000)
    path.write_bytes(data)
    summary = run(path)
    assert summary["frames"] == 19
    (passed,) = summary["passed_over"]
    assert passed["problem"] == "1 of 20 frames cannot be decoded: 10"
    assert len(read_video(tmp_path / "out" / "annotated" / "clip.mp4")[0]) == 20


def test_a_video_that_is_cut_short_is_told(tmp_path, run):
    path = write_video(tmp_path / "clip.avi", codec="MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    summary = run(path)
    assert 5 < summary["frames"] < 12
    assert "of 20 frames cannot be decoded" in summary["passed_over"][0]["problem"]


@pytest.mark.parametrize("content", [b"", b"not a video " * 1000])
def test_a_video_that_is_none_does_not_stop_the_others(tmp_path, run, content):
    (tmp_path / "bad.mp4").write_bytes(content)
    good = write_video(tmp_path / "good.mp4")
    summary = run(tmp_path / "bad.mp4", good)
    assert [item["source"] for item in summary["passed_over"]] == [str(tmp_path / "bad.mp4")]
    assert summary["frames"] == 20


def test_a_video_that_is_none_alone_is_an_error(tmp_path, run):
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    with pytest.raises(BoxwrightError, match=r"bad\.mp4: is no video"):
        run(tmp_path / "bad.mp4")
    assert not (tmp_path / "out").exists()


def test_a_photo_and_a_video_of_one_name(tmp_path, run):
    write_photo(tmp_path / "in" / "a.jpg", scene())
    write_video(tmp_path / "in" / "a.avi", codec="MJPG")
    write_video(tmp_path / "in" / "a.mp4")
    run(tmp_path / "in")
    drawn = sorted(p.name for p in (tmp_path / "out" / "annotated").iterdir())
    assert drawn == ["a-2.mp4", "a-3.mp4", "a.jpg"]


# Cameras and streams


@contextmanager
def mjpeg(frames, seconds=0.02):
    """A camera on the local network: an HTTP server of JPEG parts."""

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for i in range(frames):
                    data = cv2.imencode(".jpg", scene((i % 20 * 10, 50, i % 20 * 10 + 60, 110)))[1]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}"
                    self.wfile.write(head.encode() + b"\r\n\r\n" + data.tobytes() + b"\r\n")
                    time.sleep(seconds)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the reader has seen enough

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}/live"
    finally:
        server.shutdown()
        server.server_close()


def lasted(frames, rate):
    """Seconds from the first frame to the last."""
    return (len(frames) - 1) / rate


def test_a_stream_is_recorded_until_it_ends(tmp_path, run):
    with mjpeg(60) as url:
        summary = run(url, save_json=True)
    assert summary["frames"] >= 5  # OpenCV takes about a second of it before it gives the first
    assert not summary["stopped"]
    (video,) = (tmp_path / "out" / "annotated").iterdir()
    frames, rate = read_video(video)
    assert len(frames) / rate > 0.1
    assert lasted(frames, rate) <= summary["seconds"] + 0.01  # the seconds are rounded


def test_a_recording_lasts_as_long_as_it_took_though_the_model_is_slow(tmp_path, run):
    with mjpeg(120) as url:
        summary = run(url, detector=Squares(seconds=0.2))
    frames, rate = read_video(next((tmp_path / "out" / "annotated").iterdir()))
    assert len(frames) > 2 * summary["frames"]  # the gaps are filled
    assert lasted(frames, rate) <= summary["seconds"] + 0.01


def test_a_password_in_a_url_is_written_nowhere(tmp_path, run):
    with mjpeg(20) as url:
        run(url, save_json=True, save_csv=True, max_frames=2)
    names = " ".join(str(p) for p in files(tmp_path / "out"))
    assert "secret" not in names
    assert all(b"secret" not in p.read_bytes() for p in files(tmp_path / "out"))


def test_ctrl_c_keeps_what_was_recorded(tmp_path):
    code = (
        f"{PREDICT}"
        "def told(items, what, total=None):\n"
        "    for i, item in enumerate(items):\n"
        "        i == 20 and print('recording', flush=True)\n"
        "        yield item\n"
        "options = PredictOptions(save_json=True)\n"
        "made = predict(Squares(), sys.argv[3:], options, Path(sys.argv[2]), told)\n"
        "print(made['stopped'], made['frames'])\n"
    )
    out = tmp_path / "out"
    with mjpeg(10_000) as url:
        child = subprocess.Popen(
            [sys.executable, "-c", code, Path(__file__).parent, out, url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout.readline() == "recording\n"
        child.send_signal(signal.SIGINT)
        said, wrong = child.communicate(timeout=30)
    assert (child.returncode, wrong) == (0, "")
    stopped, count = said.split()
    assert stopped == "True"
    assert len(found(tmp_path)["images"]) == int(count) >= 20
    frames, _ = read_video(next((out / "annotated").iterdir()))
    assert len(frames) >= 5
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("source", ["97", "rtsp://127.0.0.1:9/x", "http://127.0.0.1:9/x"])
def test_a_camera_that_is_not_there_is_an_error(tmp_path, run, source):
    with pytest.raises(BoxwrightError, match="cannot be opened"):
        run(source)
    assert not (tmp_path / "out").exists()


def test_opencv_and_ffmpeg_do_not_write_to_the_terminal(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    good = write_video(tmp_path / "good.mp4", frames=2)
    code = f"{PREDICT}made = predict(Squares(), sys.argv[3:], PredictOptions(), Path(sys.argv[2]))"
    sources = [tmp_path / "bad.mp4", good, "rtsp://127.0.0.1:9/x"]
    child = subprocess.run(
        [sys.executable, "-c", code, Path(__file__).parent, tmp_path / "out", *sources],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (child.stdout, child.stderr) == ("", "")


def test_two_cameras_at_once_are_refused(run):
    with pytest.raises(BoxwrightError, match="one camera or stream"):
        run("0", "1")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    clip = write_video(tmp_path / "in" / "clip.mp4", frames=200)
    code = (
        f"{PREDICT}"
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from pipeline.errors import BoxwrightError\n"
        "try: predict(Squares(), sys.argv[3:], PredictOptions(), Path(sys.argv[2]))\n"
        "except BoxwrightError as error: print(error)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, Path(__file__).parent, tmp_path / "out", clip],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "is the disk full?" in child.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


# The command


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run `boxwright predict` in tmp_path; `asked` is what the model was loaded with."""
    asked = []

    def load(*given, **options):
        asked.append((given, options))
        return Squares()

    def go(*arguments):
        return CliRunner().invoke(app, ["predict", *(str(a) for a in arguments)])

    monkeypatch.setattr(models, "load", load)
    monkeypatch.chdir(tmp_path)
    go.asked = asked
    return go


def test_the_command_says_what_it_found_and_passed_over(tmp_path, command):
    write_photo(tmp_path / "in" / "a.jpg", scene())
    (tmp_path / "in" / "b.jpg").write_bytes(b"")
    result = command("best.pt", "in")
    assert result.exit_code == 0, result.output
    assert "1 box in 1 photo; " in result.stdout
    assert "in/b.jpg: is empty (0 bytes)" in result.stdout
    assert "Written: runs/predict\n" in result.stdout


def test_the_command_prints_one_json_document(tmp_path, command):
    write_photo(tmp_path / "a.jpg", scene())
    found = json.loads(command("best.pt", "a.jpg", "--json").stdout)
    assert (found["folder"], found["boxes"]) == ("runs/predict", 1)
    assert found["classes"] == {"오만원 50000": 1, "a/b: <b>": 0}


def test_without_out_no_earlier_predictions_are_replaced(tmp_path, command):
    write_photo(tmp_path / "a.jpg", scene())
    folders = [json.loads(command("best.pt", "a.jpg", "--json").stdout)["folder"] for _ in "123"]
    assert folders == ["runs/predict", "runs/predict-2", "runs/predict-3"]


def test_a_config_names_the_weights_and_the_pictures(tmp_path, command):
    write_photo(tmp_path / "ready" / "images" / "val" / "a.jpg", scene())
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsource: in\nprepared: ready\npredict: {imgsz: 320, save_json: true}\n"
    )
    for name in ("mine", "mine-2"):
        (tmp_path / "runs" / name / "weights").mkdir(parents=True)
        (tmp_path / "runs" / name / "weights" / "best.pt").touch()
        manifest.write(tmp_path / "runs" / name, "run", {})
    found = json.loads(command("mine.yaml", "--imgsz", 160, "--json").stdout)
    assert found["photos"] == 1
    newest = Path("runs/mine-2/weights/best.pt")
    assert command.asked == [((newest,), {"imgsz": 160, "device": "auto"})]
    assert (tmp_path / "runs" / "predict" / "predictions.json").exists()


def test_the_manifest_names_weights_and_sources(tmp_path, command):
    write_photo(tmp_path / "a.jpg", scene())
    command("best.pt", "a.jpg")
    made = json.loads((tmp_path / "runs" / "predict" / "manifest.json").read_text())
    assert (made["kind"], made["options"]["weights"]) == ("predictions", "best.pt")
    assert made["options"]["source"] == ["a.jpg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["best.pt"], "no source"),
        (["best.pt", "gone.jpg"], "gone.jpg"),
        (["best.pt", "a.jpg", "--conf", "2"], "conf"),
        (["best.pt", "a.jpg", "--no-pictures"], "--save-json"),
        (["gone.yaml", "a.jpg"], "gone.yaml"),
        (["best.pt", "a.jpg", "--font", "gone.ttf"], "gone.ttf"),
    ],
)
def test_wrong_arguments_are_refused_and_leave_nothing(tmp_path, command, arguments, said):
    write_photo(tmp_path / "a.jpg", scene())
    result = command(*arguments)
    assert isinstance(result.exception, BoxwrightError)
    assert said in str(result.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]


WEIGHTS = """
import sys
from pipeline.models.ultralytics import library
library.load()
import torch
from ultralytics.nn.tasks import DetectionModel
head = [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]],
        [-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [16, 3, 2]]]
model = DetectionModel(
    {"nc": 2, "backbone": head, "head": [[[2, 3, 4], 1, "Detect", ["nc"]]]}, verbose=False)
model.names = {0: "오만원 50000", 1: "a/b: <b>"}
for layer in model.model[-1].cv3:
    torch.nn.init.constant_(layer[-1].bias, 3.0)  # sure of everything
arguments = {"imgsz": 64, "task": "detect"}
model.args, model.task = arguments, "detect"
torch.save({"epoch": -1, "model": model.half(), "train_args": arguments}, "tiny.pt")
from pipeline.__main__ import main
main()
"""


def test_real_weights_on_a_photo_and_a_video(tmp_path):
    write_photo(tmp_path / "in" / "한글.jpg", scene(), 6)
    write_video(tmp_path / "in" / "clip.mp4", frames=3)
    arguments = ["predict", "tiny.pt", "in", "--save-json", "--max-det", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", WEIGHTS, *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert (summary["photos"], summary["frames"]) == (1, 3)
    assert 1 <= summary["boxes"] <= 12
    out = tmp_path / "runs" / "predict"
    assert cv2.imread(str(out / "annotated" / "한글.jpg")).shape == (320, 240, 3)
    assert len(read_video(out / "annotated" / "clip.mp4")[0]) == 3
    for box in json.loads((out / "predictions.json").read_text())["annotations"]:
        x, y, w, h = box["bbox"]
        assert 0 <= x < x + w <= 320
        assert 0 <= y < y + h <= 320


def test_weights_that_are_none_are_refused(tmp_path):
    write_photo(tmp_path / "a.jpg", scene())
    (tmp_path / "best.pt").write_text("no weights")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "predict", "best.pt", "a.jpg"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: best.pt: is no weights file")
    assert {p.name for p in tmp_path.iterdir()} == {"a.jpg", "best.pt"}
