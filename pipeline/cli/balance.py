"""`boxwright balance`: a tree in which training shows rare classes more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import show


def balance_cli(
    source: Annotated[
        Path, typer.Argument(help="A prepared folder, or a config.", metavar="PREPARED|CONFIG")
    ],
    out: Annotated[Path, typer.Argument(help="The balanced folder to write, to train on.")],
    method: Annotated[
        str | None,
        typer.Option(help="repeat-factor (default), oversample, undersample or copy-paste."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="repeat-factor: t; classes in a smaller share of the pictures are repeated"
            " (the median of the classes' shares)."
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="The others: boxes that each class shall have (undersample: keep); up to 1 a"
            " share of what the most common class has (0.5)."
        ),
    ] = None,
    max_repeat: Annotated[
        int | None, typer.Option(help="No picture or item is shown more often (10).")
    ] = None,
    background: Annotated[
        float | None,
        typer.Option(
            help="undersample: at most this share are backgrounds (as many as there are)."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", help="copy-paste: only this class; repeatable (all that miss the target)."
        ),
    ] = None,
    items: Annotated[
        int | None, typer.Option(help="copy-paste: at most this many in one picture (3).")
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="copy-paste: grow or shrink by up to this share (0.15).")
    ] = None,
    turn: Annotated[
        float | None, typer.Option(help="copy-paste: turn by up to so many degrees (15).")
    ] = None,
    cover: Annotated[
        float | None,
        typer.Option(help="copy-paste: the share that an object may lose under an item (0.1)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is left to chance (0).")] = None,
    warn_repeat: Annotated[
        int | None, typer.Option(help="Warn of what is shown more often than this (5).")
    ] = None,
    warn_groups: Annotated[
        int | None,
        typer.Option(help="Warn of repeated classes that come from fewer groups than this (10)."),
    ] = None,
    force: show.Force = False,
    as_json: show.Json = False,
    quiet: show.Quiet = False,
) -> None:
    """Show rare classes more in training, and say where that would be learnt by heart.

    Only the split train changes. The repeats are a list of paths: no picture is copied, and the
    prepared folder must stay where it is, seen from the balanced one.
    """
    flags = dict(locals())
    from pipeline import config
    from pipeline.balance.run import BalanceOptions, balance

    show.listen(quiet=quiet)
    block: dict[str, Any] = {}
    if config.is_config(source):
        run = config.load(source)
        source, block = run.prepared, run.block("balance")
    names = set(BalanceOptions.__dataclass_fields__)
    given = {name: value for name, value in flags.items() if name in names and value != []}
    options = config.options(BalanceOptions, block, given)
    made = balance(source, out, options, force=force, track=show.track(quiet=quiet))
    if as_json:
        show.as_json({"balanced": str(out), **made})
    else:
        _show(made, out)


def _show(made: dict[str, Any], out: Path) -> None:
    show.table(_HEADER, map(_row, made["before"], made["after"]), "An epoch before → after")
    show.line("Distinct and groups: what there really is behind them. Repeats: mean, and most.")
    pictures = made["pictures"]
    show.line(
        f"Pictures: {pictures['before']:,} → {pictures['after']:,}"
        f" ({pictures['distinct']:,} distinct).{_how(made)}"
    )
    show.line(f"{out}: written. Next: boxwright train {out}")


_HEADER = ("class", "pictures", "boxes", "share", "distinct", "groups", "repeats")


def _row(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        now["class"],
        *(f"{was[key]:,} → {now[key]:,}" for key in ("pictures", "boxes")),
        f"{was['share']:.1%} → {now['share']:.1%}",
        f"{now['distinct']:,}",
        f"{now['groups']:,}",
        f"{now['mean_repeat']:.2f}, {now['max_repeat']}",
    ]


def _how(made: dict[str, Any]) -> str:
    """By which number it was decided, and what was pasted."""
    if "threshold" in made:
        return f" Threshold t: {made['threshold']:.3g} of the pictures."
    told = f" Asked for: {made['goal']:,} boxes of each class."
    if "items" in made:
        items = made["items"]
        told += f"\nPasted: {items['pasted']:,} times {items['distinct']:,} items"
        told += f" of {items['can_be_pasted']:,} that can be."
        left_out = ", ".join(f"{count:,} {why}" for why, count in items["left_out"].items())
        told += f" Left out: {left_out}." if left_out else ""
    return told
