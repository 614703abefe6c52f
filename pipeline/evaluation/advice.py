"""The gaps between the splits in plain words, and what to try."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluation.gaps import WANTED, Gap, Verdict
from pipeline.evaluation.resampling import interval

MEANS = {
    "bias": "Even on pictures that it has learnt from, the model is not good.",
    "variance": "The model is worse on new pictures of the very kind that it has learnt from: it "
    "has learnt its pictures by heart more than what is in them.",
    "data mismatch": "The model is worse on val than on new pictures of train's kind: val's "
    "pictures are of another kind.",
    "over-tuning": "The model is worse on test than on val: what was chosen by val (the epoch, "
    "the settings) fits val's pictures by chance.",
}
TRY = {
    "bias": [
        "A larger model: `boxwright train --model yolov8s`, `yolov8m`.",
        "Longer training (--epochs), larger pictures (--imgsz), above all where objects are small.",
        "Pretrained weights instead of from scratch: --download.",
        "Weaker augmentation: --hyp light.",
        "A look at what is wrong on train (`boxwright evaluate --split train`): labels may be.",
    ],
    "variance": [
        "More pictures, of more different things and places; more shots of the same help little.",
        "Stronger augmentation: --hyp moderate, rotated or extreme.",
        "A smaller model, fewer epochs, or more --weight-decay; --freeze with pretrained weights.",
        "`boxwright balance`, where rare classes make the gap (see the table of the classes).",
    ],
    "data mismatch": [
        "`boxwright mismatch` names in what the pictures differ.",
        "Pictures of val's kind in train, even a few; tag the sources with `origin` in convert.",
        "Augmentation towards val: a copy of a configs/hyp file, hsv_v for light, scale for size.",
        "Backgrounds from where the model will be used: `background` in convert.",
    ],
    "over-tuning": [
        "A larger val split (`boxwright convert --val`), or a new one from fresh pictures.",
        "Fewer decisions by val; `boxwright convert --folds` judges each on several splits.",
        "`boxwright leaks`, whether pictures of train stand in val.",
    ],
}
NO_TRAIN_DEV = (
    "Variance and data mismatch cannot be told apart without a train_dev split, pictures of "
    "train's kind that are not trained on: `boxwright convert --train-dev 0.05` sets some aside; "
    "then train again."
)
NOTHING = "No class has boxes in every split, so that nothing can be compared."
NO_TEST = "Over-tuning to val cannot be told without a test split: `boxwright convert --test 0.1`."


def sentences(found: Sequence[Gap], verdict: Verdict) -> list[str]:
    """What the gaps say, the most important first."""
    if not found:
        return [NOTHING]
    said = _largest(verdict) if verdict.largest else [_nothing(found)]
    said += [_better(gap) for gap in found if gap.score.value < 0 and gap.start != WANTED]
    ends = {gap.end for gap in found}
    if "train_dev" not in ends and {"train", "val"} <= ends:
        said.append(NO_TRAIN_DEV)
    if "test" not in ends and "val" in ends:
        said.append(NO_TEST)
    return said


def _largest(verdict: Verdict) -> list[str]:
    gap = verdict.largest
    if gap is None:
        return []
    if verdict.rivals:
        rivals = ", ".join(rival.name for rival in verdict.rivals)
        first = f"The largest gap seems to be {gap.name} ({told(gap)}), but it cannot be told apart"
        return [f"{first} from {rivals}; more pictures would tell.", *_meanings(gap)]
    return [f"The largest gap is {gap.name} ({told(gap)}).", *_meanings(gap)]


def _meanings(gap: Gap) -> list[str]:
    if len(gap.reasons) == 1:
        return [MEANS[gap.reasons[0]]]
    return ["One of these, or some of each:"] + [f"- {MEANS[reason]}" for reason in gap.reasons]


def _nothing(found: Sequence[Gap]) -> str:
    if any(interval(gap.score.draws) is None for gap in found):
        return (
            "Which gap is the largest cannot be told: a split has too few pictures that are "
            "independent of each other (groups, where they are known)."
        )
    return "No gap is larger than chance makes."


def _better(gap: Gap) -> str:
    found = interval(gap.score.draws)
    sure = found is not None and found[1] < 0
    more = "its pictures are easier" if sure else "by no more than chance makes"
    return f"{gap.end} scores {-gap.score.value:.3f} better than {gap.start}: {more}."


def told(gap: Gap) -> str:
    """A gap in figures: "0.25, 0.18 to 0.31"."""
    found = interval(gap.score.draws)
    return f"{gap.score.value:.3f}" + (f", {found[0]:.3f} to {found[1]:.3f}" if found else "")


def to_try(verdict: Verdict) -> dict[str, list[str]]:
    """What boxwright offers against the largest gap and others as sure that may be larger."""
    rivals = [gap for gap in verdict.rivals if gap.seen]
    worst = [verdict.largest, *rivals] if verdict.largest else []
    return {reason: TRY[reason] for gap in worst for reason in gap.reasons}
