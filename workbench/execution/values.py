"""What workers leave in the run's folder for each other and for the owner: values per example, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.contract.metric import Evaluation
from workbench.execution import scoring


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
    """(values per example, which examples, in which folds), or None where there are none."""
    path = folder / "values" / f"{id}.npy"
    if not path.exists():
        return None
    examples, folds = np.load(path.with_suffix(".ids.npy"), allow_pickle=False), path.with_suffix(".folds.npy")
    in_folds = np.load(folds, allow_pickle=False) if folds.exists() else np.zeros(len(examples), np.int64)
    return np.load(path, allow_pickle=False), examples, in_folds


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
