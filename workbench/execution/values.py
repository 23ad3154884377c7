"""What workers leave in the run's folder for each other and for the owner: values per example, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.contract.metric import Evaluation
from workbench.errors import CannotGoOn
from workbench.execution import scoring
from workbench.execution.originals import DATA_CHANGED


def keep(folder: Path, id: str, scored: Sequence[Evaluation], metric: str) -> None:
    """Leave the values per example of a metric, which example each belongs to, and of several folds which fold.

    Nothing is left where the metric is no mean over examples.
    """
    found = scoring.joined(scored, metric)
    if found is None:
        return
    found_values, examples, folds = found
    np.save(folder / "values" / f"{id}.npy", np.asarray(found_values, np.float32), allow_pickle=False)
    np.save(folder / "values" / f"{id}.ids.npy", np.asarray(examples, np.int64), allow_pickle=False)
    if len(scored) > 1:
        np.save(folder / "values" / f"{id}.folds.npy", folds, allow_pickle=False)


def read(folder: Path, id: str) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]] | None:
    """(values per example, which examples, in which folds), or None where there are none.

    Raises:
        CannotGoOn: the files are not what `keep` has left: a model has written or removed them.
    """
    path = folder / "values" / f"{id}.npy"
    if not path.exists():
        return None
    try:
        found, examples = _column(path, np.float32), _column(path.with_suffix(".ids.npy"), np.int64)
        folds = path.with_suffix(".folds.npy")
        in_folds = _column(folds, np.int64) if folds.exists() else np.zeros(len(examples), np.int64)
        if not len(found) == len(examples) == len(in_folds):
            raise ValueError("of different lengths")
    except (ValueError, EOFError, FileNotFoundError, MemoryError) as error:
        raise CannotGoOn(f"{DATA_CHANGED}: {path.relative_to(folder)}: {error}") from error
    return found, examples, in_folds


def _column(path: Path, kind: type) -> NDArray[Any]:
    with path.open("rb") as file:
        column = np.lib.format.read_array(file, allow_pickle=False)
    if column.ndim != 1 or column.dtype != kind:
        raise ValueError(f"{column.dtype} of shape {column.shape}")
    return column


def keep_answers(folder: Path, id: str, answers: Mapping[str, NDArray[Any]]) -> None:
    """Leave a model's answers."""
    place = folder / "answers" / id
    place.mkdir(parents=True)
    for name, array in answers.items():
        np.save(place / f"{name}.npy", array, allow_pickle=False)


def read_answers(folder: Path, id: str) -> dict[str, NDArray[Any]]:
    """A model's answers, as read-only maps."""
    place = folder / "answers" / id
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(place.iterdir())}
