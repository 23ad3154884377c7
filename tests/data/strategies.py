"""Generated interactions: few users and items, so that histories are long and times tie."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from workbench.contract.report import DataReport
from workbench.contract.split import Dataset
from workbench.data.interactions import Interactions

Row = tuple[str, str, float, int]

USERS = ("u1", "u2", "u10", "007", "é", "-")
ITEMS = tuple(f"i{number}" for number in range(25))


def rows(min_size: int = 1, max_size: int = 80) -> st.SearchStrategy[list[Row]]:
    """(user, item, rating, time), each pair once."""
    row = st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(ITEMS),
        st.sampled_from([0.5, 1.0, 3.5, 4.1, 5.0]),
        st.integers(1_500_000_000, 1_500_000_030),
    )
    return st.lists(row, min_size=min_size, max_size=max_size, unique_by=lambda row: row[:2])


@st.composite
def datasets(draw: st.DrawFn, timed: bool = True) -> Dataset[Interactions]:
    """Datasets that can be split: at least one user has three rows."""
    drawn = draw(rows(min_size=1))
    drawn += [("u1", f"more{number}", 1.0, 1_500_000_000 + number) for number in range(3)]
    users = sorted({row[0] for row in drawn})
    items = sorted({row[1] for row in drawn})
    table = sorted((users.index(user), items.index(item), value, time) for user, item, value, time in drawn)
    columns = list(zip(*table, strict=True))
    data = Interactions(
        np.array(columns[0], np.int32),
        np.array(columns[1], np.int32),
        np.array(columns[2], np.float32),
        np.array(columns[3], np.int64) if timed else None,
        len(users),
        len(items),
        rated=True,
    )
    return Dataset("made.csv", data, None, None, "f" * 64, DataReport(""))
