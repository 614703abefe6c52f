"""The `boxwright` command: one file a command; this one only puts them together.

Nothing heavy is imported here or at the top of a command's file: `boxwright --help` answers in
under 0.3 s.
"""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli.ablate import ablate_cli
from pipeline.cli.augment import augment_cli
from pipeline.cli.balance import balance_cli
from pipeline.cli.check import check_cli
from pipeline.cli.convert import convert_cli
from pipeline.cli.doctor import doctor_cli
from pipeline.cli.evaluate import evaluate_cli
from pipeline.cli.fix import fix_cli
from pipeline.cli.groups import groups_cli
from pipeline.cli.leaks import leaks_cli
from pipeline.cli.mismatch import mismatch_cli
from pipeline.cli.predict import predict_cli
from pipeline.cli.preview import preview_cli
from pipeline.cli.sample import sample_cli
from pipeline.cli.stats import stats_cli
from pipeline.cli.train import train_cli

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"boxwright {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version_flag: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From a folder of photos and JSON corner boxes to an object detector that can be trusted."""


app.command("sample")(sample_cli)
app.command("convert")(convert_cli)
app.command("balance")(balance_cli)
app.command("stats")(stats_cli)
app.command("preview")(preview_cli)
app.command("leaks")(leaks_cli)
app.command("check")(check_cli)
app.command("fix")(fix_cli)
app.command("groups")(groups_cli)
app.command("augment")(augment_cli)
app.command("train")(train_cli)
app.command("ablate")(ablate_cli)
app.command("evaluate")(evaluate_cli)
app.command("mismatch")(mismatch_cli)
app.command("predict")(predict_cli)
app.command("doctor")(doctor_cli)
