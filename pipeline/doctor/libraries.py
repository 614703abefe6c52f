"""The libraries, by using them: imports, OpenCV, fonts."""

from __future__ import annotations

import re
from importlib import metadata

from pipeline.doctor.check import Check, pip
from pipeline.doctor.packages import installed, opencvs
from pipeline.doctor.probe import Probe, probe

_IMPORTS = """
import importlib
for name in ("numpy", "PIL.Image", "matplotlib", "msgspec", "yaml", "rich", "pycocotools.mask"):
    say(name, "")
    try:
        module = importlib.import_module(name)
        say(name, "ok")
    except Exception as error:
        say(name, f"{type(error).__name__}: {error}")
"""
_PACKAGES = {"PIL.Image": "pillow", "yaml": "pyyaml", "pycocotools.mask": "pycocotools"}


def imports() -> list[Check]:
    checks = []
    seen = probe(_IMPORTS)
    for module, said in seen.said.items():
        name = _PACKAGES.get(module, module)
        if said == "ok":
            checks.append(Check(name, "ok", (installed(name) or ("", "there"))[1]))
        else:
            fix = f"{pip()} install --force-reinstall {name}"
            checks.append(Check(name, "problem", f"cannot be imported: {said or seen.error}", fix))
    return checks


_OPENCV = """
import cv2, numpy, os, tempfile
say("version", cv2.__version__)
picture = numpy.zeros((64, 64, 3), numpy.uint8)
cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR)
say("pictures", True)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a.mp4")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 64))
    writer.write(picture)
    writer.release()
    capture = cv2.VideoCapture(path)
    say("video", bool(capture.read()[0]))
    capture.release()
"""
_SCREEN = re.compile(r"lib(GL|GLX|EGL|gthread|glib|SM|ICE|X\w+|xcb)[\w.-]*\.so")


def opencv() -> list[Check]:
    """Whether `cv2` is there in one version, can be imported without a screen, and works.

    Ultralytics needs opencv-python and albumentations opencv-python-headless: two packages with the
    same files. Of one version they serve as one; of two, each overwrites a part of the other.
    """
    there, seen = opencvs(), probe(_OPENCV)
    checks = [_opencv(there, seen)]
    versions = [f"{name} {metadata.version(name)}" for name in there]
    if len({said.partition(" ")[2] for said in versions}) > 1:
        said = f"{' and '.join(versions)} are both installed, into the same folder"
        checks.append(Check("OpenCV", "warning", said, _opencv_again(there)))
    return checks


def _opencv(there: list[str], seen: Probe) -> Check:
    if _SCREEN.search(seen.error):
        said = f"cannot be imported on a machine without a screen: {seen.error}"
        fix = _opencv_again([*there, "opencv-python-headless"])
        return Check("OpenCV", "problem", said, fix)
    if "pictures" not in seen.said:
        said = f"does not work: {seen.error}"
        return Check("OpenCV", "problem", said, _opencv_again(there or ["opencv-python"]))
    found = f"{seen.said['version']} ({', '.join(there) or 'not by pip'})"
    if not seen.said.get("video"):
        return Check("OpenCV", "warning", f"{found} writes no mp4", _opencv_again(there))
    return Check("OpenCV", "ok", found)


def _opencv_again(there: list[str]) -> str:
    """Remove every OpenCV and install one; the one without windows where it is among them."""
    keep = min(there, key=lambda name: ("headless" not in name, "contrib" not in name, name))
    gone = " ".join(sorted(set(there) & set(opencvs())))
    remove = f"{pip()} uninstall -y {gone} && " if gone else ""
    return f"{remove}{pip()} install {keep}"


_FONTS = """
from PIL import ImageFont, features
from pipeline import fonts
say("drawn", ImageFont.truetype(str(fonts.packaged()), 20).getmask("오만원").getbbox() is not None)
say("missing", fonts.missing(["오만원 Ten_front Жёлтый"]))
say("shaped", bool(features.check("raqm")))
"""


def fonts() -> list[Check]:
    """Whether class names can be drawn: Korean, and scripts that need shaping."""
    seen = probe(_FONTS)
    if seen.error or not seen.said["drawn"] or seen.said["missing"]:
        said = f"Korean cannot be drawn: {seen.error or 'the packaged font lacks letters'}"
        fix = f"{pip()} install --force-reinstall boxwright pillow matplotlib"
        return [Check("fonts", "problem", said, fix)]
    if not seen.said["shaped"]:
        said = "Korean is drawn; Arabic, Hindi and Thai without their shaping (no libraqm)"
        return [
            Check("fonts", "warning", said, "apt-get install -y libfribidi0 (Windows: fribidi.dll)")
        ]
    return [Check("fonts", "ok", "Korean is drawn; scripts that need shaping too")]
