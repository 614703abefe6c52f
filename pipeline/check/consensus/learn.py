"""Boosted trees that learn planted errors, cross-fitted over groups; and honest probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.dataset import Bools, Floats, Ints, Strings

_ROWS = 8_000  # to learn from: more bring little and cost time
_STEPS, _STEPS_OF_KINDS = 70, 25  # trees, one after the other
_TAIL = 0.2  # the least share of the errors from which one can tell how many there are
_MOST = 0.5  # more than that cannot be wrong
_SUREST = 0.99


@dataclass(frozen=True, eq=False)
class Known:
    """Rows to learn from.

    Attributes:
        x: (T, F) columns; NaN for what is not known.
        y: (T,) what each row is, 0 for right.
        fold: (T,) of the row's picture.
    """

    x: Floats
    y: Ints
    fold: Ints


def folds(group: Strings, count: int, rng: np.random.Generator) -> Ints:
    """(N,) the fold of each picture; pictures of one group share theirs. "" is no group."""
    alone = [name or f"\0{row}" for row, name in enumerate(group)]
    names, of = np.unique(np.array(alone, dtype=object), return_inverse=True)
    dealt = rng.permutation(len(names)) % count
    out: Ints = dealt[of].astype(np.int64)
    return out


def cross_fitted(
    known: Known, x: Floats, fold: Ints, seed: int, *, rising: Floats | None = None
) -> tuple[Floats, Floats]:
    """The probability of each kind, by models that saw no row of the same fold.

    Args:
        known: What to learn from; its kinds are 0 to K - 1.
        x: (M, F) the rows to judge.
        fold: (M,) of each row's picture.
        seed: For the trees, and for the choice of rows where there are many.
        rising: (F,) 1 where kind 1 of two can only become likelier as the column rises, -1 where
            only less likely, 0 where either may be: what is known need not be learned.

    Returns:
        (M, K) of the rows to judge, and (T, K) of the rows that were learned from.
    """
    model = _fitted(known, fold, seed, rising)
    return model.asked(x, fold), model.asked(known.x, known.fold)


def kinds(known: Known, x: Floats, fold: Ints, seed: int) -> Floats:
    """(M, K) the probability of each of all kinds, of the rows to judge alone.

    By fewer trees than `cross_fitted`: there is a set of them for each kind.
    """
    return _fitted(known, fold, seed, None, _STEPS_OF_KINDS).asked(x, fold)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Models by the fold that they saw no row of.

    Attributes:
        models: scikit-learn's.
        kinds: How many there are.
        unknown: (F,) columns of which nothing was known: trees cannot be told so.
    """

    models: dict[int, Any]
    kinds: int
    unknown: Bools

    def asked(self, x: Floats, fold: Ints) -> Floats:
        out = np.zeros((len(x), self.kinds))
        x = np.where(self.unknown, 0, x) if self.unknown.any() else x
        for number, model in self.models.items():
            mine = fold == number
            if mine.any():
                out[np.ix_(mine, model.classes_)] = model.predict_proba(x[mine])
        return out


def _fitted(
    known: Known, fold: Ints, seed: int, rising: Floats | None, steps: int = _STEPS
) -> _Fitted:
    rng = np.random.default_rng(seed)
    unknown: Bools = np.asarray(np.isnan(known.x).all(axis=0), dtype=bool)
    x = np.where(unknown, 0, known.x)
    models = {}
    for number in np.union1d(fold, known.fold):
        rows = rng.permutation(np.flatnonzero(known.fold != number))[:_ROWS]
        models[int(number)] = _trees(seed, rising, steps).fit(x[rows], known.y[rows])
    return _Fitted(models, int(known.y.max(initial=0)) + 1, unknown)


def _trees(seed: int, rising: Floats | None, steps: int) -> Any:
    """Small trees with large leaves: a right label comes again in every copy."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=steps,
        learning_rate=0.12,
        max_leaf_nodes=10,
        min_samples_leaf=60,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
        monotonic_cst=rising,
    )


def calibrated(
    given: Floats, planted: Floats, truth: Bools, share: float | None = None
) -> tuple[Floats, float]:
    """Scores as probabilities of being wrong, and the share of the rows that is.

    The given labels are a mixture of right ones and of some unknown share of wrong ones; planted
    errors show what wrong ones look like (Elkan and Noto, "Learning classifiers from only positive
    and unlabeled data", KDD 2008). What the trees say is fitted to how often it was so (Platt,
    "Probabilistic outputs for support vector machines", 1999), which gives the ratio of the two
    densities; times the share, it is the probability. The order stays.

    Args:
        given: (M,) what the trees say of the rows to judge; high is wrong.
        planted: (T,) what they say of rows with planted errors, by trees that did not see them.
        truth: (T,) whether those are planted errors; some are, some are not.
        share: Of the rows that is wrong; None: estimated, see `share_wrong`.

    Returns:
        (M,) probabilities of at most 0.99, and the share.
    """
    from sklearn.linear_model import LogisticRegression

    truth = truth.astype(bool)
    fit = LogisticRegression(C=1e3).fit(_logit(planted)[:, None], truth)
    slope, shift = max(float(fit.coef_[0, 0]), 1e-3), float(fit.intercept_[0])
    even = np.log(truth.mean()) - np.log1p(-truth.mean())
    ratio = np.exp(np.clip(slope * _logit(given) + shift - even, -30, 30))
    share = share_wrong(given, planted[truth]) if share is None else share
    return np.minimum(share * ratio, _SUREST), share


def share_wrong(given: Floats, errors: Floats) -> float:
    """How many of the given rows score like errors, at most.

    Wherever errors score, the given rows are at least as dense as the errors among them: the least
    ratio of the tails bounds their share from above, and meets it where right rows hardly ever
    score (Blanchard, Lee, Scott, "Semi-Supervised Novelty Detection", JMLR 2010).

    Args:
        given: (M,) scores, high is wrong.
        errors: (E,) scores of known errors.
    """
    marks = np.sort(errors)[::-1]
    beyond = np.arange(1, len(marks) + 1) / max(len(marks), 1)
    use = beyond >= _TAIL
    above = len(given) - np.searchsorted(np.sort(given), marks[use], side="left")
    ratios = (above + 1) / (max(len(given), 1) * beyond[use])
    return float(np.clip(ratios.min(initial=1.0), 1e-6, _MOST))


def _logit(probability: Floats) -> Floats:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    out: Floats = np.log(inside / (1 - inside))
    return out
