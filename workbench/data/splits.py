"""Splits of interactions into train, valid and test, resampled validation, and what a split lets through."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.split import Dataset, Split
from workbench.data.interactions import Interactions
from workbench.errors import DataError, UnknownName

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRACTION = 0.1

STRATEGIES = {
    "user-time": "per user by time: the last 10 % are test, the 10 % before them valid",
    "user-random": "per user at random: 10 % test, 10 % valid",
    "global-time": "one cut in time for all: the last 10 % are test, the 10 % before them valid",
}

_FIXED = "fixed"


def split_interactions(dataset: Dataset[Interactions], strategy: str | None, seed: int) -> Split[Interactions]:
    """Split by a strategy of `STRATEGIES`; None takes `user-time` where there are times, else `user-random`.

    With a fixed test part only valid is drawn, from the data: by time if the test part follows the data in
    time for nearly every user, else at random.

    Rows of one time at a cut are parted by chance, from the seed, which is then part of the split's identity.
    Where all rows of each user are at one time there is nothing to cut, and without a strategy it is `user-random`.

    Raises:
        DataError: times are needed and missing, or a part would be empty.
    """
    if strategy is not None and strategy not in STRATEGIES:
        raise UnknownName("split", strategy, STRATEGIES, "workbench tasks recommend")
    data, test = dataset.data, dataset.test
    named, apart = strategy is not None, True
    if strategy is None:
        by_time = data.timestamps is not None and (test is None or _follows(data, test))
        strategy = "user-time" if by_time else "user-random"
    if strategy.endswith("time"):
        if data.timestamps is None:
            raise DataError(f"{dataset.name} has no times, which --split {strategy} needs; pass --split user-random")
        apart = _are_apart(data, strategy)
        strategy = strategy if apart or named else "user-random"
    tied = np.zeros(len(data), dtype=bool)
    if test is None:
        held = _hold_out(data, strategy, seed, draw=0, part=0)
        tied = _tied(data, strategy, held)
        train_valid, test = data.take(~held), data.take(held)
        left = np.flatnonzero(~held)
        name = strategy
    else:
        train_valid, left = data, np.arange(len(data))
        name = f"{_FIXED}+{strategy}"
    held = _hold_out(train_valid, strategy, seed, draw=0, part=1)
    tied[left] |= _tied(train_valid, strategy, held)
    train = train_valid.take(~held)
    valid = train_valid.take(held, known=train)
    if not len(train) or not len(valid) or not len(test):
        raise DataError(f"{dataset.name} has too few interactions to split: users need three or more")
    test = test.take(np.ones(len(test), dtype=bool), known=train_valid)
    n_tied = int(tied.sum())
    identity = f"{name} fraction={FRACTION}" + (f" seed={seed}" if strategy == "user-random" or n_tied else "")
    if data.repeats:
        identity += " repeats"  # seen items stay in the lists, so the figures are others
    if dataset.test is not None:
        identity += f" test={_digest(test)}"
    return Split(
        strategy=name,
        identity=identity,
        summary=_summary(name, train, valid, test, apart),
        train=train,
        valid=valid,
        train_valid=train_valid,
        test=test,
        leakage=(*_tie_notice(n_tied, apart), *_leakage(strategy, train_valid, test, apart)),
    )


def resample_valid(split: Split[Interactions], draw: int, seed: int) -> tuple[Interactions, Interactions]:
    """Another (train, valid) out of `split.train_valid`, `draw` counting from 1.

    Random splits are drawn anew. Splits by time move the window of valid back by half its length a draw
    (rolling origin), and leave out what follows it, so that no draw looks into its own future.
    """
    strategy = split.strategy.removeprefix(f"{_FIXED}+")
    data = split.train_valid
    held = _hold_out(data, strategy, seed, draw=draw, part=1)
    before = ~held
    if strategy.endswith("time"):
        later = _hold_out(data, strategy, seed, draw=draw, part=1, beyond=True)
        before &= ~later
    train = data.take(before)
    return train, data.take(held, known=train)


def fold_valid(split: Split[Interactions], number: int, of: int, seed: int) -> tuple[Interactions, Interactions]:
    """Fold `number`, from 1, of so many: (train, valid) out of `split.train_valid`.

    Of random splits, each user's interactions are dealt out to the valid parts in turn, in an order and from a fold
    drawn at random; users with one interaction are held out nowhere. Splits by time have no folds without a look
    into the future: their first is the split's own valid, each further one an earlier window (`resample_valid`).
    """
    if split.strategy.endswith("time"):
        return (split.train, split.valid) if number == 1 else resample_valid(split, number - 1, seed)
    data = split.train_valid
    rng = np.random.default_rng([seed, of])
    counts = np.bincount(data.users, minlength=data.n_users)
    order = np.lexsort((rng.random(len(data)), data.users))
    rank = np.arange(len(data)) - (np.cumsum(counts) - counts)[data.users[order]]
    first = rng.integers(0, of, data.n_users)
    held = np.zeros(len(data), dtype=bool)
    held[order] = (rank + first[data.users[order]]) % of == number - 1
    held &= counts[data.users] > 1
    train = data.take(~held)
    return train, data.take(held, known=train)


def _hold_out(
    data: Interactions, strategy: str, seed: int, *, draw: int, part: int, beyond: bool = False
) -> NDArray[np.bool_]:
    """bool[n]: the rows to hold out; with `beyond`, those after the window instead.

    Args:
        data: sorted by user, then item.
        strategy: a name of `STRATEGIES`.
        seed: of the run.
        draw: 0 for the split itself; higher for resampled ones.
        part: 0 for test, 1 for valid; each has its own random stream.
        beyond: see above.
    """
    n = len(data)
    if strategy == "user-random":
        key = np.random.default_rng([seed, part, draw]).random(n)
        order, steps = np.lexsort((key, data.users)), 0
    else:
        # Sorting is stable, so that rows of one time stay shuffled; in every draw alike, as the windows move.
        shuffled = np.random.default_rng([seed, part]).permutation(n)
        keys = (data.moments, data.users) if strategy == "user-time" else (data.moments,)
        order, steps = shuffled[np.lexsort([key[shuffled] for key in keys])], draw
    held = np.zeros(n, dtype=bool)
    if strategy == "global-time":
        length = max(1, int(n * FRACTION))
        stop = n - steps * (length // 2)
        held[order[stop:] if beyond else order[max(0, stop - length) : stop]] = True
        return held
    counts = np.bincount(data.users, minlength=data.n_users)
    ends = np.cumsum(counts)
    from_end = ends[data.users[order]] - 1 - np.arange(n)
    take = np.maximum(1, (counts * FRACTION).astype(np.int64))
    take[counts < 2] = 0
    back_by_user = np.minimum(-(-steps * take // 2), np.maximum(0, counts - take - 1))
    low, high = back_by_user[data.users[order]], (back_by_user + take)[data.users[order]]
    held[order] = from_end < low if beyond else (from_end >= low) & (from_end < high)
    return held


def _are_apart(data: Interactions, strategy: str) -> bool:
    """Whether a split by time has anything to cut: two times, for `user-time` of one user."""
    moments = data.moments
    if strategy == "global-time":
        return bool(len(moments) and moments.min() < moments.max())
    return bool(((data.users[1:] == data.users[:-1]) & (moments[1:] != moments[:-1])).any())


def _tied(data: Interactions, strategy: str, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool[n]: the rows of a time at which a split by time cuts, so that chance parts them."""
    if strategy == "user-random":
        return np.zeros(len(data), dtype=bool)
    whose = data.users if strategy == "user-time" else np.zeros(len(data), dtype=np.int32)
    limits, moments = np.iinfo(np.int64), data.moments
    latest_kept = np.full(data.n_users, limits.min)
    np.maximum.at(latest_kept, whose[~held], moments[~held])
    first_held = np.full(data.n_users, limits.max)
    np.minimum.at(first_held, whose[held], moments[held])
    return np.asarray((latest_kept == first_held)[whose] & (moments == first_held[whose]))


def _tie_notice(n_tied: int, apart: bool) -> tuple[str, ...]:
    if not n_tied:
        return ()
    who = f"{n_tied:,} rows tie in time at a cut" if apart else "all rows tie in time where they are cut"
    return (f"{who}, and chance (the seed) parts them; see --split user-random or give finer times",)


def _follows(data: Interactions, test: Interactions) -> bool:
    """Whether the test rows come after their user's data for nearly all users."""
    if data.timestamps is None or test.timestamps is None:
        return False
    latest = np.full(data.n_users, np.iinfo(np.int64).min)
    np.maximum.at(latest, data.users, data.timestamps)
    return bool(np.mean(test.timestamps >= latest[test.users]) >= 0.95)


def _digest(part: Interactions) -> str:
    digest = hashlib.sha256(part.users.tobytes())
    digest.update(part.items.tobytes())
    return digest.hexdigest()[:12]


def _summary(name: str, train: Interactions, valid: Interactions, test: Interactions, apart: bool) -> str:
    words = {
        "user-time": "per user by time",
        "user-random": "per user at random",
        "global-time": "one cut in time",
    }
    fixed, _, strategy = name.rpartition("+")
    total = len(train) + len(valid) + len(test)
    shares = " · ".join(
        f"{100 * len(part) / total:.0f} % {label}"
        for label, part in (("train", train), ("valid", valid), ("test", test))
    )
    how = words[strategy] + ", since all rows of each user are at one time" * (strategy == "user-random" and not apart)
    return f"test as given, valid {how}: {shares}" if fixed else f"{how}: {shares}"


def _leakage(strategy: str, train: Interactions, test: Interactions, apart: bool) -> tuple[str, ...]:
    """One line for each way in which the split lets the future or the answers through."""
    lines = []
    both = int(np.isin(test.pairs, train.pairs).sum())
    if both and not train.repeats:
        lines.append(f"{both:,} test rows are in train as well; they are seen, so no list can contain them")
    if train.timestamps is not None and test.timestamps is not None:
        if strategy == "user-random" and apart:
            earlier = float(np.mean(test.timestamps < np.median(train.timestamps)))
            lines.append(
                f"{100 * earlier:.0f} % of test is older than half of train, since times are mixed; "
                "see --split user-time and global-time"
            )
        elif strategy == "user-time":
            later = float(np.mean(train.timestamps > np.median(test.timestamps)))
            if later > 0.01:
                lines.append(
                    f"{100 * later:.0f} % of train is newer than half of test, since users' periods overlap; "
                    "see --split global-time"
                )
    new = ~np.isin(test.items, np.unique(train.items))
    if new.any():
        first = int((new & _appears_later(strategy, train, test)).sum())
        what = "items that first appear after the cut" if first == new.sum() else "items that train lacks"
        more = f", {first:,} of them of items that first appear after the cut" if 0 < first < new.sum() else ""
        lines.append(f"{int(new.sum()):,} test rows ({100 * new.mean():.1f} %) are of {what}{more}")
    return tuple(lines)


def _appears_later(strategy: str, train: Interactions, test: Interactions) -> NDArray[np.bool_]:
    """bool[n_test]: whether the first test row of a row's item is later than the train rows before the cut."""
    if train.timestamps is None or test.timestamps is None or strategy == "user-random":
        return np.zeros(len(test), dtype=bool)
    limits = np.iinfo(np.int64)
    first = np.full(test.n_items, limits.max)
    np.minimum.at(first, test.items, test.timestamps)
    latest = np.full(train.n_users, limits.min)
    np.maximum.at(latest, train.users, train.timestamps)
    cut = latest[test.users] if strategy == "user-time" else train.timestamps.max()
    return np.asarray(first[test.items] > cut)
