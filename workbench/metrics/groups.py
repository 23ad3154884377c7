"""Results broken down: by how active users are, by how popular items are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.metric import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray


def thirds(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n], 0 to 2: in which third of their total each of some blocks, laid end to end, has its middle.

    Args:
        sizes: int64[n], not negative, not all zero.
    """
    ends = np.cumsum(sizes)
    return np.asarray(np.minimum(2, 3 * (2 * ends - sizes) // (2 * ends[-1])))


def by_activity(metric: str, values: NDArray[np.float32], n_known: NDArray[np.int64]) -> list[Group]:
    """A mean over users for three groups of equal size, as far as users of whom as much is known stay together.

    Args:
        metric: its name.
        values: float32[n], of each user.
        n_known: int64[n], how many interactions of each user are known.
    """
    distinct, kind, sizes = np.unique(n_known, return_inverse=True, return_counts=True)
    third = thirds(sizes)
    groups = []
    for number in np.unique(third):
        low, high = distinct[third == number][[0, -1]]
        name = f"{low:,} known" if low == high else f"{low:,} to {high:,} known"
        own = values[third[kind] == number]
        groups.append(Group("users' activity", name, metric, float(own.mean(dtype=np.float64)), len(own)))
    return groups


def by_popularity(
    metric: str, popularity: NDArray[np.int64], found: NDArray[np.int64], held_out: NDArray[np.int64]
) -> list[Group]:
    """Recall of three groups of items, each of which holds about a third of what is known, most taken first.

    A group without held-out interactions is left out.

    Args:
        metric: its name.
        popularity: int64[n_items], the known interactions of each item.
        found: int64[n_items], its held-out interactions that are hits.
        held_out: int64[n_items], all its held-out interactions.
    """
    if not popularity.any():
        return []
    order = np.argsort(-popularity, kind="stable")
    third = np.empty(len(popularity), dtype=np.int64)
    third[order] = thirds(popularity[order])
    there = np.unique(third)
    groups = []
    for number in there:
        own = third == number
        count = int(held_out[own].sum())
        if not count:
            continue
        name = f"the {own.sum():,} most taken" if number == there[0] else f"the next {own.sum():,}"
        if number == there[-1]:
            name = f"the other {own.sum():,}" if len(there) > 1 else "all items"
        groups.append(Group("items' popularity", name, metric, float(found[own].sum() / count), count))
    return groups
