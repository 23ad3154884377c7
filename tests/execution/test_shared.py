"""Arrays that all workers of a run read are computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.execution.asking import answers, ask, question
from workbench.execution import shared
from workbench.execution.pool import Pool


def refuse() -> dict[str, Any]:
    raise AssertionError("computed a second time")


def test_arrays_are_computed_once_and_mapped_read_only(tmp_path: Path) -> None:
    made = {"a": np.arange(5, dtype=np.float32), "b": np.ones((2, 3), dtype=np.int64), "none": np.zeros(0)}
    first = shared.arrays(tmp_path, "key", lambda: made)
    second = shared.arrays(tmp_path, "key", refuse)
    for found in (first, second):
        assert set(found) == set(made)
        for name, array in found.items():
            np.testing.assert_array_equal(array, made[name])
            assert array.dtype == made[name].dtype
            assert not array.flags.writeable
    assert isinstance(first["a"], np.memmap)


def test_keys_may_be_any_text_and_do_not_meet(tmp_path: Path) -> None:
    keys = ["a", "A", "a/../b", "x" * 1000, "", "naïve \0"]
    for number, key in enumerate(keys):
        shared.arrays(tmp_path, key, lambda number=number: {"n": np.array(number)})
    assert [int(shared.arrays(tmp_path, key, refuse)["n"]) for key in keys] == list(range(len(keys)))


def test_a_computation_that_failed_is_done_again(tmp_path: Path) -> None:
    def half() -> dict[str, Any]:
        return {"good": np.ones(3), "bad": np.array([object()])}

    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        shared.arrays(tmp_path, "key", half)
    assert set(shared.arrays(tmp_path, "key", lambda: {"whole": np.ones(3)})) == {"whole"}


def test_two_workers_that_need_the_same_compute_it_once_and_cannot_change_it(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, marks = make_pool(2), tmp_path / "marks"
    marks.mkdir()
    for _ in range(2):
        pool.submit(question("SharesAtOnce", mark=str(marks)))
    results, _ = answers(pool, 2)
    assert [(result.state, result.reason) for result in results] == [("complete", "")] * 2
    assert len(list(marks.iterdir())) == 1
    assert results[0].metrics == results[1].metrics


def test_shared_seconds_are_booked_once_and_not_as_the_fit(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool = make_pool()
    first = ask(pool, question("SharesSlowly", mark=str(tmp_path)))
    again = ask(pool, question("SharesSlowly", mark=str(tmp_path)))
    assert first.state == again.state == "complete"
    assert first.shared_seconds >= 0.3
    assert first.fit_seconds < first.shared_seconds
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_are_computed_once_whatever_part_they_are_in(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(), tmp_path / "mark"
    asked = question("SharesRows", mark=str(mark))
    first, refit = ask(pool, asked), ask(pool, replace(asked, id="refit", train="train_valid"))
    assert first.state == refit.state == "complete"
    assert first.once_seconds >= 0.1
    assert first.shared_seconds == 0
    assert sum(map(int, mark.read_text().split())) == 40


def test_each_distinct_row_is_computed_once(tmp_path: Path) -> None:
    asked: list[list[int]] = []

    def rows(*names: int) -> list[list[float]]:
        def compute(rows: Sequence[int]) -> Any:
            asked.append([names[row] for row in rows])
            return np.array([[names[row], -names[row]] for row in rows], np.float32).reshape(-1, 2)

        found: list[list[float]] = shared.rows(tmp_path, "key", np.array(names, np.uint64), compute).tolist()
        return found

    assert rows() == []
    assert rows(5, 3, 5) == [[5, -5], [3, -3], [5, -5]]
    assert rows(3, 5) == [[3, -3], [5, -5]]
    assert rows(9, 3, 4) == [[9, -9], [3, -3], [4, -4]]
    assert [sorted(each) for each in asked] == [[], [3, 5], [4, 9]]


def test_rows_that_failed_are_computed_again(tmp_path: Path) -> None:
    def fail(rows: Sequence[int]) -> Any:
        raise RuntimeError("no rows today")

    names = np.array([1, 2], np.uint64)
    with pytest.raises(RuntimeError, match="no rows today"):
        shared.rows(tmp_path, "key", names, fail)
    assert shared.rows(tmp_path, "key", names, np.array).tolist() == [0, 1]


def test_shared_work_that_fails_fails_each_trial_that_asked(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool = make_pool()
    for count in (1, 2):
        result = ask(pool, question("SharesNothing", mark=str(tmp_path)))
        assert (result.state, result.reason) == ("failed", "RuntimeError: no arrays today")
        assert len(list(tmp_path.iterdir())) == count


def test_a_model_is_warmed_up_once_in_a_worker_which_is_not_its_fits_time(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    first, again = ask(pool, question("WarmsUp")), ask(pool, replace(question("WarmsUp"), id="again"))
    assert (first.state, again.state) == ("complete", "complete"), again.reason
    assert first.once_seconds >= 0.2
    assert again.once_seconds == 0
