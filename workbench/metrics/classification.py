"""Metrics of classifiers, from the probabilities they give. `docs/metrics.md` has every formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.metric import NOT_NEGATIVE, SHARE, Evaluation, Group, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACCURACY = Metric("accuracy", "share of examples whose most probable class is the right one", bounds=SHARE)
LOG_LOSS = Metric("log-loss", "mean of -ln(probability of the right class), at least 1e-7 each", False, NOT_NEGATIVE)
BALANCED_ACCURACY = Metric(
    "balanced-accuracy", "mean over the classes of the share of their examples that are found", bounds=SHARE
)
MACRO_F1 = Metric("macro-f1", "mean over the classes of 2 * precision * recall / (precision + recall)", bounds=SHARE)
ROC_AUC = Metric(
    "roc-auc", "mean over the classes of the chance that one of it is given more than one of the rest", bounds=SHARE
)

CLASSIFICATION = (ACCURACY, LOG_LOSS, BALANCED_ACCURACY, MACRO_F1, ROC_AUC)

F1_OF = "f1@"
"""What `f1_of` metrics begin with; the class follows."""

MOST_CLASSES, MOST_MISTAKES = 20, 10
"""How many classes, those least found, and how many mistakes, kinds and single ones, are shown of an evaluation."""

LEAST = 1e-7
"""No probability counts as less: float32 has none closer to 1."""


def f1_of(label: str) -> Metric:
    """F1 of one class, called `f1@CLASS`."""
    summary = f"2 * precision * recall / (precision + recall) of class {label}, 0 where it has none"
    return Metric(F1_OF + label, summary, bounds=SHARE)


def evaluate_classes(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.int32],
    names: Sequence[str],
    ids: NDArray[np.int64] | None = None,
    labels: Sequence[str] = (),
) -> Evaluation:
    """How probabilities of classes do; names of other metrics are left out.

    Args:
        probabilities: [n, n_classes], rows that add up to 1. Of equal ones the lower class is the answer.
        truth: int32[n], the right classes; n is 1 or more.
        names: of `CLASSIFICATION`, or of `f1_of` where `labels` has the class.
        ids: int64[n], which example each row is.
        labels: what the classes are called.
    """
    answer = probabilities.argmax(axis=1)
    hit = answer == truth
    found, per_example = {}, {}
    for name in names:
        if name == ACCURACY.name:
            per_example[name] = hit.astype(np.float32)
        elif name == LOG_LOSS.name:
            given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
            per_example[name] = (-np.log(np.clip(given, LEAST, 1))).astype(np.float32)
        elif name == BALANCED_ACCURACY.name:
            counts = np.bincount(truth)
            weights = len(truth) / (np.count_nonzero(counts) * counts[truth])
            per_example[name] = (hit * weights).astype(np.float32)
        elif name == MACRO_F1.name:
            found[name] = macro_f1(answer, truth)
        elif name == ROC_AUC.name:
            found[name] = roc_auc(probabilities, truth)
        elif name.startswith(F1_OF) and name.removeprefix(F1_OF) in labels:
            found[name] = f1(answer, truth, labels.index(name.removeprefix(F1_OF)))
    means = {name: float(values.mean(dtype=np.float64)) for name, values in per_example.items()}
    known = {name: {**found, **means}[name] for name in names if name in found or name in means}
    return Evaluation(known, per_example, ids)


def macro_f1(answer: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """F1 of each class that is the truth or the answer of some example, averaged."""
    n = int(max(answer.max(), truth.max())) + 1
    both = np.bincount(truth[answer == truth], minlength=n)
    total = np.bincount(truth, minlength=n) + np.bincount(answer, minlength=n)
    return float((2 * both[total > 0] / total[total > 0]).mean())


def f1(answer: NDArray[np.integer], truth: NDArray[np.integer], number: int) -> float:
    """F1 of one class; 0 where it is neither the truth nor the answer of any example."""
    own, given = truth == number, answer == number
    total = int(own.sum() + given.sum())
    return 2 * int((own & given).sum()) / total if total else 0.0


def by_class(answer: NDArray[np.integer], truth: NDArray[np.integer], labels: Sequence[str]) -> tuple[Group, ...]:
    """The recall of each class that is there, and the most frequent mistakes, each as a share of the right class.

    Args:
        answer: int[n], the classes that were answered.
        truth: int[n], the right ones.
        labels: what the classes are called.
    """
    there, counts = np.unique(truth, return_counts=True)
    count = dict(zip(there.tolist(), counts.tolist(), strict=True))
    pairs, times = np.unique(np.column_stack([truth, answer]), axis=0, return_counts=True)
    share = {(right, given): n / count[right] for (right, given), n in zip(pairs.tolist(), times.tolist(), strict=True)}
    least = sorted(count, key=lambda right: share.get((right, right), 0.0))[:MOST_CLASSES]
    mistakes = [pairs[at].tolist() for at in np.argsort(-times, kind="stable") if pairs[at][0] != pairs[at][1]]
    found = [
        Group("right class", labels[right], "recall", share.get((right, right), 0.0), count[right])
        for right in sorted(least)
    ]
    return *found, *(
        Group("mistake", f"{labels[right]} taken for {labels[given]}", "share", share[right, given], count[right])
        for right, given in mistakes[:MOST_MISTAKES]
    )


def surest_mistakes(
    probabilities: NDArray[np.floating], truth: NDArray[np.integer], groups: NDArray[np.integer] | None = None
) -> NDArray[np.int64]:
    """int64[m], at most `MOST_MISTAKES`: the rows whose answer is wrong, from the one with the largest probability.

    Args:
        probabilities: [n, n_classes].
        truth: int[n], the right classes.
        groups: int[n], of which equal ones mean equal examples: one of each is enough. None where all differ.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    if groups is not None:
        wrong = wrong[np.sort(np.unique(groups[wrong], return_index=True)[1])]
    return wrong[:MOST_MISTAKES]


def roc_auc(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The area under each class's curve against the rest, averaged over the classes of which examples are there.

    Equal probabilities count half (Mann and Whitney's U). 0.5 where all examples are of one class.
    """
    areas = []
    for number in range(1 if probabilities.shape[1] == 2 else 0, probabilities.shape[1]):
        own = truth == number
        there = int(own.sum())
        if 0 < there < len(truth):
            ranks = _ranks(probabilities[:, number])
            areas.append((ranks[own].sum() - there * (there + 1) / 2) / (there * (len(truth) - there)))
    return float(np.mean(areas)) if areas else 0.5


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """float64[n], from 1; equal values share the mean of theirs."""
    # scipy.stats has it, and takes half a second to import, which the first trial of every worker would pay.
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return ranks
