"""Frames of one video, and copies of one picture, by the names that tools give them."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Roboflow: IMG_1_jpg.rf.<hash>.jpg; a source's augmented copies differ by the hash alone.
_ROBOFLOW = re.compile(
    r"_(?:jpe?g|png|bmp|webp|tiff?|avif|heic)\.rf\.[0-9A-Za-z]{6,}$", re.IGNORECASE
)
# clip.mp4#t=1.5 (VoTT), clip_mp4-12 (Roboflow), clip.mp4_000012, clip.mp4/000012 (folder per file)
_FILE = re.compile(
    r"(?<=[^/])[._](mp4|avi|mov|mkv|webm|m4v|mpe?g|wmv|flv|3gp|mts|m2ts)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
# frame_000123 (CVAT), clip_frame12, clip-frame-0012, "clip frame 12"; the word begins a part
_FRAME = re.compile(
    r"^(?:(.*?)[ _.-]*(?<![A-Za-z]))?frames?[ _.-]*\d+(?:[._-]\d+)*$", re.IGNORECASE | re.DOTALL
)
_EIGHT = re.compile(r"^0\d{7}$")  # ffmpeg's %08d, as video-toimg writes it for labelme
_MOT = re.compile(r"^img\d$")  # MOT Challenge: MOT17-02/img1/000001
# what cameras and phones put before their numbers: IMG_0001, PXL_20240501_123456, 20240501_123456
_COUNTER = re.compile(
    r"^(?:img|imag|dsc[fn]?|dcim|dji|pxl|gopr|p|photo|picture|image|kakaotalk)?"
    r"[ _-]?(?:(?:19|20)\d{6})?(?:[ _-]\d+)*$",
    re.IGNORECASE,
)
_SHELVES = {
    *("train", "val", "valid", "validation", "test", "train_dev", "dev", "default"),
    *("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "frames"),
    *("labels", "annotations", "data", "obj_train_data", "obj_validation_data"),
}  # folders that sort pictures, and name no video


def video_of(names: Sequence[str], *, numbered: bool = False) -> list[str]:
    """The video that each picture is a frame of, by its name.

    Known are the names of VoTT, Roboflow, CVAT, video-toimg and MOT Challenge, and whatever has
    the name of a video file or the word "frame" before its number. Roboflow's copies of one
    picture (`.rf.<hash>`) count as one video too.

    Args:
        names: Names of pictures below the source, "/" between folders.
        numbered: Take any name that ends in a number for a frame (`ffmpeg -i clip.mp4
            clip_%04d.jpg`), but for those of cameras (IMG_0001): for who knows that his pictures
            are frames.

    Returns:
        The video's name with its folder, but for the folders of splits; "" for a picture that is
        no frame by its name.
    """
    return [_video(name, numbered=numbered) for name in names]


def _video(name: str, *, numbered: bool) -> str:
    folder, _, file = name[: name.rfind(".")].rpartition("/")
    parts = [part for part in folder.split("/") if part and part.lower() not in _SHELVES]
    source = _ROBOFLOW.sub("", file)
    copied = source != file
    whole = "/".join([*parts, source])
    if match := _FILE.search(whole):
        return f"{whole[: match.start()]}.{match[1]}"
    if "frame" in source.lower() and (match := _FRAME.match(source)):
        return "/".join([*parts, match[1]] if match[1] else parts) or "frame"
    if parts and _MOT.match(parts[-1]) and source.isdigit():
        return "/".join(parts[:-1])
    if parts and _EIGHT.match(source):
        return "/".join(parts)
    found = _numbered(parts, source) if numbered else ""
    return found or (whole if copied else "")


def _numbered(parts: list[str], source: str) -> str:
    """The video of clip_12, clip0012 or folder/0012."""
    head = source.rstrip("0123456789")
    clip = head.rstrip(" _.-")
    digits = len(source) - len(head)
    if not digits or (digits < 3 and clip == head) or (clip and _COUNTER.match(clip)):
        return ""
    return "/".join([*parts, clip] if clip else parts)
