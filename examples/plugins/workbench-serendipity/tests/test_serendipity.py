"""By hand: 30 items, of which item n was taken by 30 - n users."""

from types import SimpleNamespace

import numpy as np
import scipy.sparse as sp
from workbench_serendipity.metrics import serendipity

from workbench import Scored


def scored(known_of_user: list[int], items: list[int], held_out: list[int]) -> Scored:
    """One user, number 0; the others make the popularity."""
    columns = np.concatenate([known_of_user, *(np.arange(30 - n) for n in range(30))]).astype(np.int32)
    lengths = [len(known_of_user), *(30 - n for n in range(30))]
    matrix = sp.csr_array((np.ones(len(columns)), columns, np.cumsum([0, *lengths])), shape=(31, 30))
    popularity = np.bincount(columns, minlength=30)
    truth = sp.csr_array((np.ones(len(held_out)), held_out, [0, len(held_out)]), shape=(1, 30))
    part = SimpleNamespace(known=SimpleNamespace(matrix=matrix, n_items=30, popularity=popularity))
    return Scored({"items": np.array([items], dtype=np.int32)}, truth, np.array([0]), part)


def test_hits_among_the_ten_most_popular_do_not_count() -> None:
    assert serendipity(scored([], [0, 9, 10, 29, 5], held_out=[0, 9, 10, 29])) == np.float32([0.2])


def test_what_the_user_has_taken_makes_room_among_the_expected() -> None:
    assert serendipity(scored([0, 1], [10, 11, 12], held_out=[10, 11, 12])) == np.float32([0.1])


def test_a_list_that_ends_early_and_what_stands_below_the_tenth_count_nothing() -> None:
    assert serendipity(scored([], [-1] * 10 + [20], held_out=[20])) == np.float32([0.0])
