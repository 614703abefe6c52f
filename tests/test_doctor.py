"""`doctor` on environments that were broken on purpose: fake packages before the real ones."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.doctor import disk, examine, gpu, libraries, packages

TORCH = """
__version__ = "2.9.0{tag}"
class version: cuda = {cuda}
class cuda:
    is_available = staticmethod(lambda: {usable})
    device_count = staticmethod(lambda: 1)
    get_device_name = staticmethod(lambda i: "H200")
class backends:
    class mps: is_available = staticmethod(lambda: False)
get_num_threads = lambda: 4
class tensor:
    def __init__(self, *_): pass
    def to(self, _): return self
    __mul__ = to
    sum = lambda self: self
    __float__ = lambda self: 2.0
def ones(_, device):
    {ones}
"""
TORCHVISION = """
__version__ = "0.24.0{tag}"
class Kept:
    tolist = lambda self: [0]
class ops:
    @staticmethod
    def nms(*_):
        {nms}
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a module, or a package's metadata, before the real ones."""
    folder = tmp_path / "fake"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def put(name, text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return folder

    return put


@pytest.fixture
def fake_torch(fake):
    def put(
        *, tag="+cpu", cuda=None, usable=False, ones="return tensor()", nms="return Kept()",
        vision_tag="+cpu",
    ):  # fmt: skip
        values = {"tag": tag, "cuda": cuda, "usable": usable, "ones": ones}
        text = TORCH
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        fake("torch.py", text)
        text = TORCHVISION.replace("{tag}", vision_tag).replace("{nms}", nms)
        fake("torchvision.py", text)

    return put


@pytest.fixture
def nvidia(tmp_path, monkeypatch):
    """A machine whose driver knows a GPU."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771 MiB, 570.1'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")


def metadata(name, version, *needs):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs)]) + "\n"


def only(checks, level):
    (check,) = [check for check in checks if check.level == level]
    return check


# OpenCV


def test_opencv_without_a_screen_is_to_be_swapped_for_the_headless_one(fake):
    error = "libGL.so.1: cannot open shared object file: No such file or directory"
    fake("cv2.py", f"raise ImportError({error!r})")
    check = only(libraries.opencv(), "problem")
    assert "libGL.so.1" in check.found
    assert "pip uninstall -y opencv-python" in check.fix
    assert check.fix.endswith("pip install opencv-python-headless")


def test_two_opencvs_at_once(fake):
    name = "opencv_python_headless-4.10.0.dist-info/METADATA"
    fake(name, metadata("opencv-python-headless", "4.10.0"))
    check = only(libraries.opencv(), "warning")
    assert re.search(r"opencv-python \S+ and opencv-python-headless 4\.10\.0", check.found)
    assert "uninstall -y opencv-python opencv-python-headless" in check.fix
    assert check.fix.endswith("pip install opencv-python-headless")


def test_two_opencvs_of_one_version_are_as_good_as_one(fake):
    version = importlib.metadata.version("opencv-python")
    name = f"opencv_python_headless-{version}.dist-info/METADATA"
    fake(name, metadata("opencv-python-headless", version))
    assert [check.level for check in libraries.opencv()] == ["ok"]


def test_an_opencv_that_crashes_is_a_finding(fake):
    fake("cv2.py", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "crashed (SIGSEGV)" in only(libraries.opencv(), "problem").found


def test_what_is_left_of_an_opencv_that_was_uninstalled_beside_another(fake):
    fake("cv2/__init__.py", "")
    check = only(libraries.opencv(), "problem")
    assert "no attribute '__version__'" in check.found
    assert "uninstall -y opencv-python" in check.fix


# Packages


def test_a_torchvision_for_another_torch(fake):
    fake("torchvision-0.1.dist-info/METADATA", metadata("torchvision", "0.1", "torch==1.0"))
    found = [check for check in packages.requirements() if check.level == "problem"]
    (check,) = [check for check in found if "torch==1.0" in check.found]
    assert check.found.startswith("torchvision 0.1 needs torch==1.0, but ")
    assert check.fix.endswith("pip install --force-reinstall torch torchvision")


def test_a_package_that_is_missing(fake):
    fake("boxwright-9.dist-info/METADATA", metadata("boxwright", "9", "no-such-thing>=2"))
    check = only(packages.requirements(), "problem")
    assert check.found == "boxwright needs no-such-thing>=2, which is not installed"
    assert check.fix == f"{sys.executable} -m pip install 'no-such-thing>=2'"


def test_one_opencv_serves_for_another(fake):
    needs = ("opencv-python-headless>=4", "opencv-contrib-python>=4")
    fake("boxwright-9.dist-info/METADATA", metadata("boxwright", "9", *needs))
    assert [check.level for check in packages.requirements()] == ["ok"]


def test_an_extra_that_nobody_asked_for_is_no_problem(fake):
    need = 'no-such-thing; extra == "dev"'
    fake("boxwright-9.dist-info/METADATA", metadata("boxwright", "9", need))
    assert [check.level for check in packages.requirements()] == ["ok"]


def test_a_library_built_for_another_numpy(fake):
    fake("pycocotools/__init__.py", "")
    fake("pycocotools/mask.py", "raise ValueError('numpy.dtype size changed')")
    check = only(libraries.imports(), "problem")
    assert (check.name, "numpy.dtype size changed" in check.found) == ("pycocotools", True)
    assert check.fix.endswith("pip install --force-reinstall pycocotools")


# torch and the GPU


def test_a_torch_that_cannot_be_imported(fake):
    fake("torch.py", "raise ImportError('libcudart.so.12: cannot open shared object file')")
    (check,) = gpu.torch()
    assert (check.level, "libcudart.so.12" in check.found) == ("problem", True)


def test_a_torchvision_without_the_operators_of_this_torch(fake_torch):
    fake_torch(nms="raise RuntimeError('operator torchvision::nms does not exist')")
    check = only(gpu.torch(), "problem")
    assert "torchvision 0.24.0+cpu does not fit torch 2.9.0+cpu" in check.found
    assert check.fix.endswith("torch torchvision --index-url https://download.pytorch.org/whl/cpu")


def test_a_torchvision_of_another_build(fake_torch):
    fake_torch(tag="+cu128", cuda="'12.8'", vision_tag="+cpu")
    found = {check.name: check for check in gpu.torch()}
    assert found["torchvision"].level == "warning"
    assert found["torchvision"].fix.endswith("/whl/cu128")


@pytest.mark.usefixtures("nvidia")
def test_a_torch_for_cpus_on_a_machine_with_a_gpu(fake_torch):
    fake_torch()
    check = next(check for check in gpu.torch() if check.name == "GPU")
    assert (check.level, "built for CPUs only" in check.found) == ("warning", True)
    assert "570.1" in check.found


@pytest.mark.usefixtures("nvidia")
def test_a_gpu_that_this_torch_has_no_kernels_for(fake_torch):
    error = "raise RuntimeError('no kernel image is available for execution on the device')"
    fake_torch(tag="+cu128", cuda="'12.8'", usable=True, ones=error)
    (check,) = gpu.torch()
    assert (check.level, "no kernel image" in check.found) == ("problem", True)


@pytest.mark.usefixtures("nvidia")
def test_a_gpu_that_is_hidden(fake_torch):
    fake_torch(tag="+cu128", cuda="'12.8'")
    check = next(check for check in gpu.torch() if check.name == "GPU")
    assert (check.level, "no CUDA device is visible" in check.found) == ("warning", True)


# Fonts and the disk


class Usage(NamedTuple):
    total: float
    used: float
    free: float


def test_fonts_that_cannot_be_looked_at(fake):
    fake("fontTools/__init__.py", "")
    assert only(libraries.fonts(), "problem").found.startswith("Korean cannot be drawn")


def test_korean_can_be_drawn_here():
    assert [check.level for check in libraries.fonts()] != ["problem"]


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "runs").write_text("a file where a folder is due")
    check = only(disk.writing(tmp_path), "problem")
    assert (check.name, check.fix) == ("runs", f"mv {tmp_path}/runs {tmp_path}/runs.old")


@pytest.mark.parametrize(("free", "level"), [(0.5, "problem"), (3, "warning"), (50, "ok")])
def test_a_disk_that_is_nearly_full(tmp_path, monkeypatch, free, level):
    usage = Usage(100e9, 0, free * 1e9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert disk.space(tmp_path)[0].level == level


def test_too_little_shared_memory_for_workers(tmp_path, monkeypatch):
    usage = Usage(64e6, 0, 100e9)  # Docker's own choice
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(disk, "_SHM", tmp_path)
    assert "--shm-size" in disk.space(tmp_path)[1].fix


# The whole


def test_a_check_that_fails_is_a_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    found = {check.name: check for check in examine(tmp_path)}
    assert found["OpenCV"].level == "problem"
    assert found["free disk"].level in {"ok", "warning"}


def test_the_command_says_it_as_json_and_in_its_exit_code(fake, fake_torch, tmp_path, monkeypatch):
    fake_torch()
    folder = fake("cv2.py", "raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(__file__).parent.parent}")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)
    levels = {check["name"]: check["level"] for check in report["checks"]}
    assert (done.returncode, levels["OpenCV"]) == (1, "problem")
    assert report["problems"] >= 1
    assert all(check["fix"] for check in report["checks"] if check["level"] != "ok")


def test_this_machine_is_ready(tmp_path):
    problems = [check for check in examine(tmp_path) if check.level == "problem"]
    assert problems == []
