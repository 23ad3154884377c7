"""What workers leave in the run's folder is read back, or told from what models have written there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.metric import Evaluation
from workbench.errors import CannotGoOn
from workbench.execution import values
from workbench.execution.originals import DATA_CHANGED


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with the values of two folds under the id `1`."""
    (tmp_path / "values").mkdir()
    folds = [Evaluation({"m": 0.5}, {"m": np.array([0.0, 1.0])}, np.arange(2)) for _ in range(2)]
    values.keep(tmp_path, "1", folds, "m")
    return tmp_path


def test_values_come_back_with_their_examples_and_folds(kept: Path) -> None:
    found = values.read(kept, "1")
    assert found is not None
    assert [column.tolist() for column in found] == [[0.0, 1.0] * 2, [0, 1] * 2, [0, 0, 1, 1]]
    assert values.read(kept, "2") is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b"garbage"),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        lambda path: np.save(path, np.array([{}], object)),
        lambda path: np.save(path, np.zeros((2, 2), np.int64)),
        lambda path: np.save(path, np.zeros(3, np.int64)),
        lambda path: np.save(path, np.array(["a"] * 4)),
    ],
    ids=["garbage", "zip", "empty", "cut", "pickle", "matrix", "shorter", "texts"],
)
@pytest.mark.parametrize("name", ["1.npy", "1.ids.npy", "1.folds.npy"])
def test_values_that_a_model_has_overwritten_end_the_run_in_one_line(
    kept: Path, name: str, harm: Callable[[Path], None]
) -> None:
    harm(kept / "values" / name)
    with pytest.raises(CannotGoOn, match=f"{DATA_CHANGED}: values/1.npy: "):
        values.read(kept, "1")


def test_ids_that_a_model_has_removed_end_the_run_in_one_line(kept: Path) -> None:
    (kept / "values" / "1.ids.npy").unlink()
    with pytest.raises(CannotGoOn, match=DATA_CHANGED):
        values.read(kept, "1")
