"""What workers leave in the run's folder for each other and for the owner: values per example, and answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.contract.metric import Evaluation


def keep(folder: Path, id: str, evaluation: Evaluation, metric: str) -> None:
    """Leave the values per example of a metric, and which example each belongs to; nothing where it is no mean."""
    found = evaluation.per_example.get(metric)
    if found is None:
        return
    examples = evaluation.example_ids
    examples = np.arange(len(found)) if examples is None else examples
    np.save(folder / "values" / f"{id}.npy", np.asarray(found, np.float32), allow_pickle=False)
    np.save(folder / "values" / f"{id}.ids.npy", np.asarray(examples, np.int64), allow_pickle=False)


def read(folder: Path, id: str) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """(values per example, which examples), or None where there are none."""
    path = folder / "values" / f"{id}.npy"
    if not path.exists():
        return None
    return np.load(path, allow_pickle=False), np.load(path.with_suffix(".ids.npy"), allow_pickle=False)


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
