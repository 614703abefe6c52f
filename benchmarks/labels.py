"""Planted label errors found again: the judge, plain evidence, and cleanlab's ObjectLab.

    make bench-labels
    python benchmarks/labels.py --work runs/labels --peers .venv-cleanlab/bin/python --out FILE.md
    python benchmarks/labels.py TREE PREDICTIONS --peers .venv-cleanlab/bin/python --out FILE.md

TREE is a prepared folder with right labels, PREDICTIONS what `boxwright check TREE --folds 5` left.
Without them the built-in sample is drawn with another seed than its own, and judged by folds.
Errors are planted by two noise models: that of `label_noise.py`, which the judge is not taught (the
headline), and that which it is taught, with other chances. A box is found wrong or right; a picture
is wrong where a label of it is, or is missing. ObjectLab's score of a label is the lower of its two
(place, class); it is run as it comes, and with thresholds for the lower scores of a YOLO, on the
predictions after non-maximum suppression. Its environment: python -m venv .venv-cleanlab, then
.venv-cleanlab/bin/pip install cleanlab. Seconds are those of one core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import label_noise
import numpy as np
import yaml
from label_noise import Dirty
from mending import CONFIG, boxwright
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline import config
from pipeline.check import predictions_file
from pipeline.check.consensus import missing, noise
from pipeline.check.consensus.evidence import evidence
from pipeline.check.consensus.features import habits
from pipeline.check.consensus.judge import judge
from pipeline.check.consensus.noise import KINDS
from pipeline.check.consensus.pairs import overlapping
from pipeline.check.consensus.views import look
from pipeline.check.predictions import Predictions
from pipeline.dataset import Boxes, Dataset, Floats, Images
from pipeline.formats import yolo
from pipeline.models.details import Details

OBJECTLAB = """
import json, sys, time
import numpy as np
from cleanlab.object_detection import rank
asked = json.load(open(sys.argv[1]))
labels = [{"bboxes": np.array(b).reshape(-1, 4), "labels": np.array(c, dtype=int)}
          for b, c in asked["labels"]]
found = [[np.array(rows).reshape(-1, 5) for rows in picture] for picture in asked["found"]]
found = [np.array(picture + [None], dtype=object)[:-1] for picture in found]
low, high = asked["thresholds"]
start = time.process_time()
place = rank.compute_badloc_box_scores(
    labels=labels, predictions=found, low_probability_threshold=low)
swap = rank.compute_swap_box_scores(
    labels=labels, predictions=found, high_probability_threshold=high)
over = rank.compute_overlooked_box_scores(
    labels=labels, predictions=found, high_probability_threshold=high)
box = [np.minimum(a, b).tolist() for a, b in zip(place, swap)]
picture = (rank.pool_box_scores_per_image(place) * rank.pool_box_scores_per_image(swap)
           * rank.pool_box_scores_per_image(over)) ** (1 / 3)
taken = time.process_time() - start
over = [np.nan_to_num(np.asarray(s, dtype=float), nan=1.0).tolist() for s in over]
json.dump({"box": box, "picture": picture.tolist(), "over": over, "seconds": taken}, sys.stdout)
"""
THRESHOLDS = {"as it comes": (0.5, 0.95), "fit": (0.1, 0.5)}
SHARES = (0.01, 0.03, 0.1)
SAMPLE_SEED = 21
SEED = 1000  # others than any that something was tried on

Figures = dict[str, float]
Way = Callable[[Dirty, Predictions], Figures]


def by_judge(dirty: Dirty, predictions: Predictions) -> Figures:
    """The full mode, with how well its probabilities hold."""
    start = time.process_time()
    said = judge(dirty.dataset, predictions)
    taken = time.process_time() - start
    picture = per_picture(dirty.dataset, said.sureness, said.candidates, said.missing)
    told, truth = said.sureness >= 0.5, dirty.kind > 0
    sure = {"share wrong, estimated": said.share, "P >= 0.5: labels": float(told.sum())}
    if told.any():
        sure["P >= 0.5: of them wrong"] = float(truth[told].mean())
        sure["P >= 0.5: of the wrong"] = float(told[truth].mean())
    named = said.kinds[:, 1:].argmax(axis=1) + 1 == dirty.kind
    sure["kind right, of wrong ones"] = float(named[truth].mean())
    out = measured(dirty, said.wrong, picture, (said.candidates, said.missing_rank))
    for number in range(1, len(KINDS)):
        own = said.kinds[:, number] / (said.kinds[:, 0] + said.kinds[:, number] + 1e-12)
        out |= of_kind(dirty, own, number, "{}, by its own score")
    unusual = np.nan_to_num(np.abs(said.surprise).max(axis=1))
    out |= of_kind(dirty, unusual, noise.BADLY_PLACED, "{}, by its most unusual side")
    return {**out, **sure, "seconds": taken}


def by_evidence(dirty: Dirty, predictions: Predictions) -> Figures:
    """The quick mode."""
    start = time.process_time()
    said = evidence(dirty.dataset, predictions)
    taken = time.process_time() - start
    wrong = 1 - said.score
    picture = per_picture(dirty.dataset, wrong, said.candidates, said.missing)
    return {
        **measured(dirty, wrong, picture, (said.candidates, said.missing)),
        "seconds": taken,
    }


def per_picture(dataset: Dataset, wrong: Floats, likely: Boxes, gone: Floats) -> Floats:
    """(N,) that at least one label of a picture is wrong or missing."""
    right = np.zeros(len(dataset.images))
    np.add.at(right, dataset.boxes.image, np.log1p(-np.clip(wrong, 0, 1 - 1e-9)))
    np.add.at(right, likely.image, np.log1p(-np.clip(gone, 0, 1 - 1e-9)))
    return 1 - np.exp(right)


def suppressed(predictions: Predictions) -> Boxes:
    """One box an item and class, as a detector gives them."""
    boxes = predictions.found.boxes
    pairs = overlapping(boxes, boxes)
    alike = (boxes.label[pairs.a] == boxes.label[pairs.b]) & (pairs.iou > 0.7)
    rank = np.lexsort((np.arange(len(boxes)), -boxes.score)).argsort()
    return boxes.take(pairs.total(alike & (rank[pairs.b] < rank[pairs.a])) == 0)


def by_objectlab(
    dirty: Dirty, predictions: Predictions, peers: Path, thresholds: tuple[float, float]
) -> Figures:
    """Cleanlab in its own environment; high scores are suspicious here, as with the others."""
    dataset, found = dirty.dataset, suppressed(predictions)
    of_class = [
        [rows.start + np.flatnonzero(found.label[rows] == k) for k in range(len(dataset.classes))]
        for rows in replace(dataset, boxes=found).per_image()
    ]
    table = np.column_stack([found.xyxy, found.score])
    asked = {
        "labels": [
            (dataset.boxes.xyxy[rows].tolist(), dataset.boxes.label[rows].tolist())
            for rows in dataset.per_image()
        ],
        "found": [[table[part].tolist() for part in parts] for parts in of_class],
        "thresholds": thresholds,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asked, file)
        file.flush()
        command = [str(peers), "-W", "ignore", "-c", OBJECTLAB, file.name]
        said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    box, over = (np.concatenate([[], *said[name]]) for name in ("box", "over"))
    likely = found.take(np.concatenate([part for parts in of_class for part in parts]))
    out = measured(dirty, 1 - box, 1 - np.array(said["picture"]), (likely, 1 - over))
    return {**out, "seconds": said["seconds"]}


def measured(dirty: Dirty, wrong: Floats, picture: Floats, gone: tuple[Boxes, Floats]) -> Figures:
    """What all ways are measured by."""
    truth = dirty.kind > 0
    out = {"AUROC": roc_auc_score(truth, wrong), "AP": average_precision_score(truth, wrong)}
    out["precision at 100"] = truth[np.argsort(-wrong, kind="stable")[:100]].mean()
    out["found at FPR 0.1"] = (wrong[truth] > np.quantile(wrong[~truth], 0.9)).mean()
    for number in range(1, len(KINDS)):
        out |= of_kind(dirty, wrong, number, "{}")
    bad = np.bincount(dirty.dataset.boxes.image[truth], minlength=len(picture))
    if len(dirty.removed):
        bad += np.bincount(dirty.removed.image, minlength=len(picture))
        out["missing AP"] = missing_ap(*gone, dirty.removed)
    out["picture AUROC"] = roc_auc_score(bad > 0, picture)
    out["picture AP"] = average_precision_score(bad > 0, picture)
    return {name: float(value) for name, value in out.items()}


def of_kind(dirty: Dirty, wrong: Floats, number: int, words: str) -> Figures:
    """Errors of one kind among right labels."""
    rows = dirty.kind == number
    use = rows | (dirty.kind == 0)
    if not rows.any():
        return {}
    return {f"AUROC {words.format(KINDS[number])}": roc_auc_score(rows[use], wrong[use])}


def missing_ap(likely: Boxes, rank: Floats, removed: Boxes) -> float:
    """Average precision; labels that no candidate is near count as never found."""
    again = missing.found_again(likely, removed)
    if not again.any():
        return 0.0
    return float(average_precision_score(again, rank) * again.sum() / len(removed))


def table(title: str, runs: dict[str, list[Figures]]) -> str:
    """Means over the seeds, a column for each way."""
    names = list(dict.fromkeys(name for one in runs.values() for run in one for name in run))
    lines = [title, "", "| | " + " | ".join(runs) + " |", "| --- |" + " ---: |" * len(runs)]
    for name in names:
        values = ([run[name] for run in one if name in run] for one in runs.values())
        shown = (f"{np.mean(own):.3f}" if own else "" for own in values)
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def compare(
    dirty: Sequence[Dirty], predictions: Predictions, peers: Path | None
) -> dict[str, list[Figures]]:
    """Every way on the same errors."""
    ways: dict[str, Way] = {"judge": by_judge, "evidence": by_evidence}
    for name, ends in THRESHOLDS.items() if peers else ():
        ways[f"ObjectLab {name}"] = lambda one, said, ends=ends: by_objectlab(
            one, said, peers, ends
        )
    runs: dict[str, list[Figures]] = defaultdict(list)
    for one in dirty:
        for name, way in ways.items():
            runs[name].append(way(one, predictions))
    return runs


def as_taught(
    dataset: Dataset, predictions: Predictions, share: float, rng: np.random.Generator
) -> Dirty:
    """Errors of the kinds that the judge is taught."""
    usual = habits(dataset, predictions, look(dataset.boxes, predictions))
    planted = noise.plant(dataset, share, usual.confusion, rng)
    return Dirty(replace(dataset, boxes=planted.labels), planted.kind, planted.removed)


def clean(dataset: Dataset, predictions: Predictions, seeds: int) -> str:
    """What is said of labels that are right."""
    said = [judge(dataset, predictions, seed=seed) for seed in range(seeds)]
    told = {
        "share wrong, estimated": [one.share for one in said],
        "labels with P >= 0.5": [np.sum(one.sureness >= 0.5) for one in said],
        "labels with P >= 0.25": [np.sum(one.sureness >= 0.25) for one in said],
        "missing with P >= 0.5": [np.sum(one.missing >= 0.5) for one in said],
    }
    lines = ["Right labels:", "", "| | judge |", "| --- | ---: |"]
    return "\n".join(lines + [f"| {name} | {np.mean(own):.3f} |" for name, own in told.items()])


def every(
    dataset: Dataset, predictions: Predictions, seeds: int, peers: Path | None
) -> Iterator[str]:
    """All tables of one set; ObjectLab stands in those of the headline."""
    yield f"{len(dataset.images)} pictures, {len(dataset.boxes)} labels; {seeds} seeds."

    def drawn(make: Callable[[np.random.Generator], Dirty]) -> list[Dirty]:
        return [make(np.random.default_rng(SEED + seed)) for seed in range(seeds)]

    for share in reversed(SHARES):
        dirty = drawn(lambda rng, share=share: label_noise.spoil(dataset, share, rng))
        title = f"{share:.0%} of the labels wrong, noise that the judge was not taught:"
        yield table(title, compare(dirty, predictions, peers))
    yield clean(dataset, predictions, seeds)
    for amount in (0.05, 0.1, 0.2):
        dirty = drawn(lambda rng, far=amount: label_noise.off_by(dataset, 0.1, far, rng))
        title = f"One side of 10 % of the boxes off by {amount:.0%}:"
        yield table(title, compare(dirty, predictions, None))
    for share in reversed(SHARES):
        dirty = drawn(lambda rng, share=share: as_taught(dataset, predictions, share, rng))
        title = f"{share:.0%} of the labels wrong, noise as it was taught:"
        yield table(title, compare(dirty, predictions, None))


def speed(pictures: int = 5_000, found: int = 100, labels: int = 8) -> str:
    """A set of that size, drawn at random."""
    rng = np.random.default_rng(0)

    def boxes(each: int, **more: Floats) -> Boxes:
        low = rng.uniform(0, 500, (pictures * each, 2))
        xyxy = np.concatenate([low, low + rng.uniform(20, 120, low.shape)], axis=1)
        image = np.repeat(np.arange(pictures), each)
        return Boxes.of(image, rng.integers(10, size=len(image)), xyxy, **more)

    names = [f"{row}.jpg" for row in range(pictures)]
    images = Images.of(names, names, [(640, 640)] * pictures)
    dataset = Dataset(Path(), tuple("abcdefghij"), images, boxes(labels))
    score = np.sort(rng.random((pictures, found)) ** 4, axis=1)[:, ::-1].ravel()
    seen = boxes(found, score=score)
    probability = rng.random((len(seen), 10)) * 0.1 * score[:, None]
    probability[np.arange(len(seen)), seen.label] = score
    details = Details(probability, rng.uniform(1, 9, (len(seen), 4)))
    said = Predictions(replace(dataset, boxes=seen), details, np.ones(pictures, dtype=bool))
    start = time.process_time()
    evidence(dataset, said)
    quick = time.process_time() - start
    judge(dataset, said)
    full = time.process_time() - start - quick
    return (
        f"{pictures:,} pictures, {found} predictions and {labels} labels each: the judge "
        f"{full:.1f} s, evidence {quick:.1f} s ({1000 * quick / pictures:.2f} ms a picture)."
    )


def sample(work: Path) -> tuple[Path, Path]:
    """The built-in sample of another seed as a tree, and what five folds say of it."""
    source, file = work / "source", work / "sample.yaml"
    work.mkdir(parents=True, exist_ok=True)
    block = config.read_yaml(CONFIG)
    block |= {"source": str(source), "prepared": str(work / "tree"), "runs": str(work / "runs")}
    block["convert"]["background"] = [str(source / "background")]
    block["sample"]["seed"] = block["convert"]["seed"] = SAMPLE_SEED
    file.write_text(yaml.safe_dump(block, allow_unicode=True), encoding="utf-8")
    boxwright("sample", file)
    boxwright("convert", file)
    boxwright("check", file, "--folds", 5, "--fail-on", "never")
    return work / "tree", work / "runs" / "sample-folds" / predictions_file.FILE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("predictions", type=Path, nargs="?")
    parser.add_argument("--work", type=Path, default=Path("runs/labels"), help="for the sample")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="A Python with cleanlab.")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    peers = given.peers if given.peers and given.peers.exists() else None
    if given.peers and not peers:
        print(f"{given.peers} is not there: without ObjectLab. See the head of this file.\n")
    parts = [speed()]
    print(parts[0], flush=True)
    tree, file = (given.tree, given.predictions) if given.tree else sample(given.work)
    dataset = yolo.read(tree)
    said = predictions_file.read(file, dataset)
    for part in every(dataset, said, given.seeds, peers):
        parts.append(part)
        print(f"\n{part}", flush=True)
    if given.out:
        given.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
