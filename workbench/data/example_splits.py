"""Splits of examples with a target into train, valid and test, further draws of valid, and folds.

Examples of one group (`Examples.groups`) are dealt out together, as one: a fifth is then a fifth of the groups.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from workbench.contract.split import Dataset, Split
from workbench.data.examples import Examples
from workbench.errors import DataError, UnknownName

if TYPE_CHECKING:
    from numpy.typing import NDArray

Part = TypeVar("Part", bound=Examples)

FRACTION = 0.2
"""Of the data that is test, and of the rest that is valid."""

STRATEGIES = {
    "stratified": "at random, every class in equal shares: 20 % are test, 20 % of the rest valid",
    "random": "at random: 20 % are test, 20 % of the rest valid",
}


def split_examples(dataset: Dataset[Part], strategy: str | None, seed: int) -> Split[Part]:
    """Split by a strategy of `STRATEGIES`; None takes `stratified` where there are classes, else `random`.

    With a fixed test part only valid is drawn. The first rows of every class stay in train, so that no class is met
    in test alone.

    Raises:
        UnknownName: no such strategy.
        DataError: there are too few examples, or no classes to stratify by.
    """
    if strategy is not None and strategy not in STRATEGIES:
        raise UnknownName("split", strategy, STRATEGIES)
    data, test = dataset.data, dataset.test
    strategy = strategy or ("stratified" if data.n_classes else "random")
    if strategy == "stratified" and not data.n_classes:
        raise DataError(f"{dataset.name} has no classes to stratify by; pass --split random")
    name = strategy if test is None else f"fixed+{strategy}"
    if test is None:
        held = _held_out(data, strategy, seed, draw=0, part=0)
        train_valid, test = data.take(~held), data.take(held)
    else:
        train_valid = data
    held = _held_out(train_valid, strategy, seed, draw=0, part=1)
    train, valid = train_valid.take(~held), train_valid.take(held)
    if not len(train) or not len(valid) or not len(test):
        raise DataError(f"{dataset.name} has too few examples to split: {_amount(data)}")
    identity = f"{name} fraction={FRACTION} seed={seed}"
    if dataset.test is not None:
        identity += f" test={_digest(test)}"
    return Split(
        name, identity, _summary(name, train, valid, test), train, valid, train_valid, test, _leakage(train_valid, test)
    )


def resample_examples(split: Split[Part], draw: int, seed: int) -> tuple[Part, Part]:
    """Another (train, valid) out of `split.train_valid`, `draw` counting from 1."""
    held = _held_out(split.train_valid, split.strategy.removeprefix("fixed+"), seed, draw=draw, part=1)
    return split.train_valid.take(~held), split.train_valid.take(held)


def fold_examples(split: Split[Part], number: int, of: int, seed: int) -> tuple[Part, Part]:
    """Fold `number`, from 1, of so many: (train, valid) out of `split.train_valid`."""
    rng = np.random.default_rng([seed, of])
    order, unit, _ = _shuffled(split.train_valid, split.strategy.removeprefix("fixed+"), rng)
    held = np.zeros(len(order), dtype=bool)
    held[order] = np.arange(len(order)) % of == number - 1
    return split.train_valid.take(~held[unit]), split.train_valid.take(held[unit])


def _held_out(data: Examples, strategy: str, seed: int, *, draw: int, part: int) -> NDArray[np.bool_]:
    """bool[n]: at even distances along the units, shuffled within their classes, so that shares are equal.

    At least one unit is held out, where there is one besides the first of each class.
    """
    rng = np.random.default_rng([seed, part, draw])
    order, unit, first = _shuffled(data, strategy, rng)
    steps = np.floor((np.arange(len(order) + 1) + rng.random() / FRACTION) * FRACTION)
    held = np.zeros(len(order), dtype=bool)
    held[order] = np.diff(steps) > 0
    held[first] = False
    others = np.setdiff1d(order, first)
    if not held.any() and len(others):
        held[rng.choice(others)] = True
    return held[unit]


def _shuffled(
    data: Examples, strategy: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(units in random order, by class where that is wanted; the unit of each row; for each class its first unit).

    A unit is a row, or all rows of a group; its class is that of its first row.
    """
    target = data.target if strategy == "stratified" else np.zeros(len(data), dtype=np.int32)
    groups = np.arange(len(data)) if data.groups is None else data.groups
    _, row, unit = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((rng.random(len(row)), target[row]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    by_class = np.lexsort((rank[unit], target))
    starts = np.append(True, np.diff(target[by_class]) != 0)[: len(by_class)]
    return order, unit, unit[by_class[starts]]


def _amount(data: Examples) -> str:
    units = len(data) if data.groups is None else len(np.unique(data.groups))
    distinct = "" if units == len(data) else f", {units:,} of them distinct; equal ones stay on one side of a split"
    return f"{len(data):,}{distinct}"


def _digest(part: Examples) -> str:
    digest = hashlib.sha256(part.ids.tobytes())
    digest.update(part.target.tobytes())
    return digest.hexdigest()[:12]


def _summary(name: str, train: Examples, valid: Examples, test: Examples) -> str:
    total = len(train) + len(valid) + len(test)
    shares = " · ".join(
        f"{100 * len(part) / total:.0f} % {label}"
        for label, part in (("train", train), ("valid", valid), ("test", test))
    )
    fixed, _, strategy = name.rpartition("+")
    return f"test as given, valid {strategy}: {shares}" if fixed else f"{strategy}: {shares}"


def _leakage(train: Examples, test: Examples) -> tuple[str, ...]:
    if not train.n_classes:
        return ()
    unmet = int((~np.isin(test.target, train.target)).sum())
    return (f"{unmet:,} test rows are of classes that train does not have",) if unmet else ()
