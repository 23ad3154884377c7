"""Serendipity: relevant and unexpected (Ge, Delgado-Battenfeld and Jannach, RecSys 2010)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import Scored

K = 10


def serendipity(scored: Scored) -> NDArray[np.float32]:
    """float32[n]: the share of each user's top 10 that is a hit and unexpected.

    Expected is what a list of the 10 most popular items would hold, those that the user has taken left out: the
    primitive method against which Ge et al. measure. Equally popular items are in order of their numbers.
    """
    known, truth = scored.part.known, scored.truth
    place = np.empty(known.n_items, dtype=np.int64)  # of each item in the order of popularity, from 0
    place[np.argsort(-known.popularity, kind="stable")] = np.arange(known.n_items)
    values = np.zeros(len(scored.rows), dtype=np.float32)
    for row, (user, items) in enumerate(zip(scored.rows, scored.answers["items"][:, :K], strict=True)):
        shown = items[items >= 0]
        taken = np.sort(place[_entries(known.matrix, user)])
        expected = place[shown] - np.searchsorted(taken, place[shown]) < K
        values[row] = np.sum(np.isin(shown, _entries(truth, row)) & ~expected) / K
    return values


def _entries(matrix: Any, row: int) -> NDArray[np.int32]:
    """The columns of a row's entries in a scipy CSR; slicing it would take ten times as long."""
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
