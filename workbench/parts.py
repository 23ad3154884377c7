"""The parts of a run's data as files, which all of its processes map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.contract.split import Dataset, Split
from workbench.contract.task import Task
from workbench.data import mapped
from workbench.errors import SettingsError
from workbench.execution.memory import give_back_memory
from workbench.planning import Question, cross_validated
from workbench.settings import RunSettings

PARTS = ("train", "valid", "train_valid", "test")

SEARCH_EXAMPLES = 20_000
"""Of a held-out part the search scores at most so many; test is scored whole."""


def divide(dataset: Dataset[Any], question: Question, settings: RunSettings) -> tuple[Split[Any], float]:
    """The parts of the data, valid thinned where it is large; and how many times as large it was."""
    split = cross_validated(question.task.split(dataset, settings.split, settings.seed), settings.folds)
    valid = question.task.thinned(split.valid, SEARCH_EXAMPLES)
    if len(valid) == len(split.valid):
        return split, 1.0
    thinning = len(split.valid) / len(valid)
    summary = f"{split.summary} · the search scores {1 / thinning:.0%} of valid"
    return replace(split, valid=valid, summary=summary), thinning


def lay_out(folder: Path, question: Question, settings: RunSettings, dataset: Dataset[Any], split: Split[Any]) -> None:
    """Put the parts, the folds and the encoding where workers map them."""
    write_parts(folder, question.task.kept_encoding(dataset, split), split)
    write_folds(folder, question.task, split, settings)


def write_parts(folder: Path, encoding: Any, split: Split[Any]) -> None:
    """Put the parts where workers map them, and the encoding where it is stored from."""
    parts = mapped.Writer(folder / "parts")
    for name in PARTS:
        parts.write(getattr(split, name), name)
    # With a writer of its own: what is stored may not point into what is swept away.
    mapped.Writer(folder).write(encoding, "encoding")


def map_parts(folder: Path, task: Task[Any], split: Split[Any]) -> Split[Any]:
    """The split with its parts as they lie in the folder, so that they take no memory of this process alone."""
    parts = {name: mapped.read(task.part, folder / "parts", name) for name in PARTS}
    give_back_memory()
    return replace(split, **parts)


def draw_parts(folder: Path, task: Task[Any], split: Split[Any], draw: int, seed: int) -> bool:
    """Put another draw of train and valid beside the parts, as `train-N` and `valid-N`; False if there is none."""
    drawn = task.resample(split, draw, seed)
    if drawn is None:
        return False
    parts = mapped.Writer(folder / "parts")
    parts.write(drawn[0], f"train-{draw}")
    parts.write(task.thinned(drawn[1], SEARCH_EXAMPLES), f"valid-{draw}")
    del drawn, parts  # the writer holds what it has written
    give_back_memory()
    return True


def write_folds(folder: Path, task: Task[Any], split: Split[Any], settings: RunSettings) -> None:
    """Put the folds beside the parts, if there are any.

    Raises:
        SettingsError: the task has none.
    """
    of = settings.folds or 0
    for number in range(1, of + 1):
        fold = task.fold(split, number, of, settings.seed)
        if fold is None:
            raise SettingsError(f"--folds {of}: task {settings.task} has no folds")
        for name, part in zip(("train", "valid"), (fold[0], task.thinned(fold[1], SEARCH_EXAMPLES)), strict=True):
            if not len(part):
                raise SettingsError(f"--folds {of}: {name} of fold {number} would be empty; take fewer folds")
            mapped.Writer(folder / "parts").write(part, f"{name}-fold{number}")
