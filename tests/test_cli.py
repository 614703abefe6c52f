"""The command line as a whole; each command's own behaviour is tested beside its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from making import boxwright, labelme, photos, rectangle, written

from pipeline import __version__, config
from pipeline.cli.app import app

COMMANDS = sorted(command.name for command in app.registered_commands)
HEAVY = {
    "numpy",
    "cv2",
    "torch",
    "ultralytics",
    "matplotlib",
    "pycocotools",
    "yaml",
    "PIL",
    "jinja2",
}


def test_the_issue_s_commands_are_there():
    due = {"sample", "convert", "stats", "preview", "train", "evaluate", "predict", "doctor"}
    assert due <= set(COMMANDS)


def test_importing_the_command_line_loads_nothing_heavy():
    told = "import sys, pipeline.cli.app; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert not HEAVY & set(run.stdout.split())


def test_importing_the_command_line_changes_no_environment():
    told = (
        "import os; before = dict(os.environ)\n"
        "import pipeline.cli.app; assert before == dict(os.environ)"
    )
    subprocess.run([sys.executable, "-c", told], check=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_for_every_option(command):
    run = boxwright(command, "--help")
    assert run.returncode == 0
    assert "Usage" in run.stdout


@pytest.mark.parametrize("command", ["convert", "stats", "train", "evaluate", "predict", "doctor"])
def test_every_command_that_reports_has_json(command):
    assert "--json" in boxwright(command, "--help").stdout


def test_version():
    assert boxwright("--version").stdout == f"boxwright {__version__}\n"


def test_python_m_pipeline_is_the_same_command():
    command = [sys.executable, "-m", "pipeline", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"boxwright {__version__}\n"


def test_the_shell_completes_commands():
    asked = {
        "_BOXWRIGHT_COMPLETE": "complete_bash",
        "COMP_WORDS": "boxwright conv",
        "COMP_CWORD": "1",
    }
    command = Path(sys.executable).with_name("boxwright")
    run = subprocess.run(
        [command], capture_output=True, text=True, check=False, env=os.environ | asked
    )
    assert run.stdout.strip() == "convert"


def test_a_usage_error_exits_2():
    assert boxwright("convert").returncode == 2
    assert boxwright("convert", "--no-such-flag").returncode == 2


@pytest.mark.parametrize("command", ["convert", "stats", "preview", "train", "evaluate", "predict"])
def test_a_config_that_is_missing_is_told(tmp_path, command):
    run = boxwright(command, tmp_path / "none.yaml")
    assert run.returncode == 1
    assert "none.yaml" in run.stderr
    assert "Traceback" not in run.stderr


def test_flags_win_over_the_config(tmp_path):
    source = photos(tmp_path / "photos")
    text = f"name: x\nsource: {source}\nprepared: {tmp_path}/out\nconvert: {{val: 0.5, seed: 1}}\n"
    written(tmp_path / "run.yaml", text)
    made = json.loads(boxwright("convert", tmp_path / "run.yaml", "--val", "0.3", "--json").stdout)
    assert (made["options"]["val"], made["options"]["seed"]) == (0.3, 1)


def test_quiet_prints_no_notes(tmp_path):
    source = photos(tmp_path / "photos")
    labelme(source / "a3.json", rectangle("Ten", -5, 6, 40, 30))
    assert boxwright("convert", source, tmp_path / "out", "--quiet").stderr == ""


@pytest.mark.parametrize("path", sorted(config.Path("configs").glob("*.yaml")), ids=str)
def test_the_configs_that_we_ship_are_right(path):
    assert config.load(path).name
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# make ")
