"""What becomes of interactions before they are split: repeated pairs merged, weak ones and rare ids left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from workbench.contract.task import Option
from workbench.data.interactions import EQUAL, WEIGHTINGS, Interactions
from workbench.errors import DataError, SettingsError
from workbench.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLICIES = ("last", "first", "largest", "sum")
RECOMMEND_AGAIN = "recommend"

OPTIONS = {
    "duplicates": Option(
        "which row counts where a user meets an item twice; without it the last by time, else an error", POLICIES
    ),
    "min_rating": Option("the lowest rating that counts; rows below are left out as if they were not there"),
    "k_core": Option("keep only users and items that have so many of each other, again and again until all have"),
    "weights": Option("what an interaction weighs: one, its rating or count, or log(1 + that)", WEIGHTINGS),
    "repeats": Option(
        "whether lists may hold items already taken, as for groceries or music", ("exclude", RECOMMEND_AGAIN)
    ),
}


@dataclass(frozen=True)
class Preparation:
    """The options above, checked.

    Args:
        duplicates: of `POLICIES`, or None.
        min_rating: rows below are left out; None for no bound.
        k_core: the least number of partners; 1 keeps all.
        weighting: what an interaction weighs.
        repeats: whether items already taken may be recommended again, so that repeated pairs are kept.
    """

    duplicates: str | None = None
    min_rating: float | None = None
    k_core: int = 1
    weighting: str = EQUAL
    repeats: bool = False

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Preparation:
        """From a task's settings.

        Raises:
            SettingsError: a value that cannot be used.
        """
        repeats = options.get("repeats") == RECOMMEND_AGAIN
        if repeats and "duplicates" in options:
            raise SettingsError(f"--duplicates {options['duplicates']}: with --repeats recommend every row counts")
        core = options.get("k_core", "1")
        if not core.isdecimal() or not 1 <= int(core) < 2**31:
            raise SettingsError(f"--k-core {core}: must be a whole number, 1 or more")
        return cls(
            options.get("duplicates"), _rating(options.get("min_rating")), int(core),
            options.get("weights", EQUAL), repeats,
        )  # fmt: skip

    def filter(
        self, name: str, data: Interactions, test: Interactions | None
    ) -> tuple[Interactions, Interactions | None, list[str]]:
        """Leave out what the options say: (data, the fixed test part, what the user should know).

        Raises:
            DataError: the data has no ratings, or nothing is left.
        """
        notes = []
        if self.min_rating is not None:
            if not data.rated:
                raise DataError(f"{name} has no ratings, which --min-rating needs; say which with --rating-column NAME")
            before = len(data) + (0 if test is None else len(test))
            data = data.take(data.values >= self.min_rating)
            test = test and test.take(test.values >= self.min_rating)
            gone = before - len(data) - (0 if test is None else len(test))
            notes.append(f"{counted(gone, 'row')} rated below {self.min_rating:g} left out")
        if self.k_core > 1:
            users, items = core(data, self.k_core)
            kept = data.take(users[data.users] & items[data.items])
            lost = counted(len(data) - len(kept), "row")
            data = kept
            if test is not None:
                known = test.take(users[test.users] & items[test.items])
                lost += f" and {counted(len(test) - len(known), 'test row')}"
                test = known
            stay = f"{counted(int(users.sum()), 'user')} and {counted(int(items.sum()), 'item')} stay"
            notes.append(f"{self.k_core}-core: {stay}, {lost} left out")
        if not len(data) or (test is not None and not len(test)):
            raise DataError(f"{name}: no interaction is left: {'; '.join(notes)}")
        return data, test, notes

    def weigh(self, name: str, data: Interactions) -> Interactions:
        """`data` under the weighting of the options.

        Raises:
            DataError: values that no weight can be made of.
        """
        if self.weighting == EQUAL:
            return data
        if not data.rated and not data.repeats:
            raise DataError(f"{name} has no ratings or counts, which --weights needs; name them with --rating-column")
        low = int((data.values <= 0).sum())
        if low:
            which = f"{counted(low, 'rating')} {'is' if low == 1 else 'are'}"
            raise DataError(f"{name}: {which} 0 or less, which --weights cannot use; see --min-rating")
        weighted = replace(data, weighting=self.weighting)
        return replace(weighted, scale=float(weighted.matrix.data.mean(dtype=np.float64)))

    def remarks(self, data: Interactions) -> list[str]:
        """What the user may not expect of ratings: those of 0 or less count, and equal ones weigh nothing."""
        if not data.rated:
            return []
        if self.weighting != EQUAL:
            equal = not data.repeats and bool((data.values == data.values[0]).all())
            return [f"all ratings are {data.values[0]:g}, so that --weights makes no difference"] if equal else []
        low = int((data.values <= 0).sum())
        if not low or self.min_rating is not None:
            return []
        verbs = ("is", "counts") if low == 1 else ("are", "count")
        return [f"{counted(low, 'rating')} {verbs[0]} 0 or less and {verbs[1]} as taken all the same; see --min-rating"]


def _rating(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        rating = float(text)
    except ValueError:
        rating = math.nan
    if not math.isfinite(rating):
        raise SettingsError(f"--min-rating {text}: must be a number")
    return rating


def merge(data: Interactions, policy: str) -> tuple[Interactions, str]:
    """One row a pair: (the interactions, what was kept).

    Args:
        data: sorted by user and item; where these are equal by time, if there are times, else as in the file.
        policy: of `POLICIES`; `largest` takes the largest value, `sum` adds the values up and keeps the last time.
    """
    pairs = data.pairs
    keys: Sequence[NDArray[Any]] = (np.arange(len(pairs)), pairs)
    if policy == "largest":
        keys = (np.arange(len(pairs)), data.values, pairs)
    order = np.lexsort(keys)
    ordered = pairs[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    ends = np.append(starts[1:], len(ordered)) - 1
    chosen = data.take(order[starts] if policy == "first" else order[ends])
    if policy == "sum":
        sums = np.add.reduceat(data.values[order].astype(np.float64), starts)
        chosen = replace(chosen, values=sums.astype(np.float32))
    kept = {"last": "latest", "first": "earliest", "largest": "largest value", "sum": "sum of values"}[policy]
    return chosen, kept + " time" * (policy in ("last", "first") and data.timestamps is not None)


def core(data: Interactions, k: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The k-core of the graph of users and items (Seidman 1983): bool[n_users] and bool[n_items], who stays."""
    matrix = data.matrix
    users = np.repeat(np.arange(data.n_users), np.diff(matrix.indptr))
    items = matrix.indices
    while True:
        user_counts = np.bincount(users, minlength=data.n_users)
        item_counts = np.bincount(items, minlength=data.n_items)
        stays = (user_counts[users] >= k) & (item_counts[items] >= k)
        if stays.all():
            return user_counts >= k, item_counts >= k
        users, items = users[stays], items[stays]


def renumber(
    users: pa.Array, items: pa.Array, parts: Sequence[Interactions]
) -> tuple[pa.Array, pa.Array, list[Interactions]]:
    """Leave out ids that no part has a row of; order stays."""
    user_there = np.zeros(len(users), dtype=bool)
    item_there = np.zeros(len(items), dtype=bool)
    for part in parts:
        user_there[part.users] = True
        item_there[part.items] = True
    if user_there.all() and item_there.all():
        return users, items, list(parts)
    new_user, new_item = (np.cumsum(there, dtype=np.int32) - 1 for there in (user_there, item_there))
    n_users, n_items = int(user_there.sum()), int(item_there.sum())
    renumbered = [
        replace(part, users=new_user[part.users], items=new_item[part.items], n_users=n_users, n_items=n_items)
        for part in parts
    ]
    return users.filter(pa.array(user_there)), items.filter(pa.array(item_there)), renumbered
