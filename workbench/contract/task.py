"""A task: how to read data, split it, score a model, and answer a query."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from workbench.contract.metric import Evaluation, Group, Metric, Mistake
from workbench.contract.model import Model
from workbench.contract.split import Dataset, Part, Split
from workbench.errors import UnknownName

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ENSEMBLE = "ensemble"
"""What several models that answer together are called, where others have the name of their model."""


def file_name(path: str | Path) -> str:
    """The name of a file as text: of bytes that are no UTF-8, which a name may have, it gives the numbers."""
    return os.fsencode(Path(path).name).decode("utf-8", "backslashreplace")


ENCODING_ALONE = ("--encoding",)
"""`Source.options` of commands that read new data as a run has read its own."""


@dataclass(frozen=True)
class Source:
    """Where data comes from.

    Args:
        data: a path, or any table that speaks the Arrow C stream (pandas, polars, pyarrow).
        test_data: the same for a fixed test part, or None.
        encoding: the text encoding of delimited files.
        on_bad_rows: `"error"`, `"skip"` (up to 5 % of the rows) or `"skip-any"`.
        made_up: True when `data` was generated.
        flag: the option with which the user named `data`, for messages.
        options: those with which the user can say how it is read, such as `--encoding`, so that a message names
            no other; None for all.
    """

    data: Any
    test_data: Any = None
    encoding: str = "utf-8"
    on_bad_rows: str = "error"
    made_up: bool = False
    flag: str = "--data"
    options: tuple[str, ...] | None = None

    @classmethod
    def of_query(cls, query: Mapping[str, Any], name: str = "input") -> Source:
        """A file or table of a query to `Task.answer`, in the text encoding that the query says, if any."""
        encoding = query.get("encoding") or cls.encoding
        return cls(query[name], encoding=encoding, flag=f"--{name.replace('_', '-')}", options=ENCODING_ALONE)

    def offers(self, option: str) -> bool:
        """Whether the command at hand has an option, so that a message may name it as a remedy."""
        return self.options is None or option in self.options

    def flag_of(self, data: Any) -> str:
        """The option with which the user named `self.data` or `self.test_data`."""
        return "--test-data" if data is self.test_data and data is not self.data else self.flag

    @property
    def name(self) -> str:
        """How the data is shown: the file's name, or what it is."""
        if isinstance(self.data, str | Path):
            return file_name(self.data)
        return "made-up data" if self.made_up else "table"


@dataclass(frozen=True)
class Option:
    """A setting of a task, given as `--the-name VALUE` or in `run(options={"the_name": ...})`.

    Args:
        help: one line for `workbench tasks NAME`.
        choices: the values allowed; empty for any text.
        path: whether it is the path of a file or folder, so that it is kept as one that holds from anywhere.
    """

    help: str
    choices: tuple[str, ...] = ()
    path: bool = False


@dataclass(frozen=True)
class Answer:
    """What `workbench predict` shows, in the user's own ids.

    Args:
        table: one row per prediction.
        notices: one line for each thing the user should know, such as unknown ids.
    """

    table: pa.Table
    notices: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Probe:
    """A query at the edge of what a task can be asked, and how every model of it must answer.

    Args:
        name: what is odd about the query, such as `"an unknown user"`.
        query: as `Task.answer` takes it.
        rows: how many rows the answer must have; None for any number.
        refused: whether `Task.answer` must raise `UserError` instead.
    """

    name: str
    query: Mapping[str, Any]
    rows: int | None = None
    refused: bool = False


class Task(Generic[Part]):
    """The base of every task. Instances hold no state."""

    metrics: ClassVar[Sequence[Metric]]
    """The first that suits the data (`metrics_for`) is searched unless the user names another."""

    baseline: ClassVar[str]
    """The model that is always tried first, and that every other must beat."""

    part: ClassVar[type]
    """The dataclass of this task's parts."""

    encoding: ClassVar[type]
    """The dataclass that turns ids into numbers and back."""

    options: ClassVar[Mapping[str, Option]] = {}
    """Settings that only this task has."""

    splits: ClassVar[Mapping[str, str]]
    """Names for `--split`, each with one line that says what it does."""

    output: ClassVar[Sequence[str]] = ()
    """The columns of a written answer, in order; empty for all that the answer has."""

    usage: ClassVar[str] = "--input FILE --output answers.csv"
    """What follows `workbench predict TRIAL` to ask a model of this task, as a run shows it in the end."""

    def metric(self, name: str) -> Metric:
        """The metric of that name; a task whose metrics form families may know more than it lists.

        Raises:
            UserError: there is none.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise UnknownName("metric", name, [metric.name for metric in self.metrics])

    def metrics_for(self, part: Part) -> Sequence[Metric]:
        """Those of `metrics` that suit data like this; the first is searched unless the user names another.

        A task whose data may be of several kinds, such as classes and numbers to predict, overrides it.
        """
        return self.metrics

    def read(self, source: Source, options: Mapping[str, str]) -> Dataset[Part]:
        """Read and check data.

        Raises:
            DataError: what is wrong, in which file, row and column.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to read data")

    def split(self, dataset: Dataset[Part], strategy: str | None, seed: int) -> Split[Part]:
        """Split a dataset; `strategy` is a name of `splits`, or None for the one that suits the data."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to split")

    def kept_encoding(self, dataset: Dataset[Part], split: Split[Part]) -> Any:
        """The encoding that is kept with the run's models, which are fitted on `split.train_valid`."""
        return dataset.encoding

    def resample(self, split: Split[Part], draw: int, seed: int) -> tuple[Part, Part] | None:
        """Another (train, valid) from `split.train_valid`, numbered from 1; None where there is none."""
        return None

    def fold(self, split: Split[Part], number: int, of: int, seed: int) -> tuple[Part, Part] | None:
        """One (train, valid) of several from `split.train_valid`, numbered from 1; None where the task has no folds.

        The valid parts of all folds are apart, or where time counts, windows that move back in time.
        """
        return None

    def thinned(self, part: Part, most: int) -> Part:
        """A held-out part with at most so many of its examples, drawn at random, always the same: the search scores
        these alone, and test is scored whole. A task whose data may be large overrides it.
        """
        return part

    def evaluate(self, model: Model, part: Part, metrics: Sequence[str]) -> Evaluation:
        """Score a fitted model on one part.

        Args:
            model: fitted.
            part: to score it on.
            metrics: every name that is asked for, the searched one first. Those that the task does not know are
                metrics of plugins: it leaves them out, and gives `answers` that are long enough for them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to evaluate")

    def answers(self, model: Model, part: Part, metrics: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """What a fitted model answers on a part: as much as `blend` needs for these metrics, a row an example.

        A task that defines this, `blend` and `ensemble` has ensembles.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what models answer")

    def blend(
        self,
        answers: Sequence[Mapping[str, NDArray[Any]]],
        part: Part,
        rows: NDArray[np.int64],
        metrics: Sequence[str],
    ) -> Callable[[Sequence[int]], Evaluation]:
        """Line up the answers of several models, once: weights -> the evaluation of what they answer together.

        The function is called a few hundred times, so what does not depend on weights is best done before.

        Args:
            answers: of each model, as `answers` gives them, at these rows only.
            part: that they answer.
            rows: int64[n], ascending: which rows of all that `answers` would give these are.
            metrics: as in `evaluate`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to blend answers")

    def ensemble(self, models: Sequence[Model], weights: Sequence[int]) -> Any:
        """Fitted models made one that `evaluate` and `answer` take, and that answers as `blend` does.

        Weights are whole numbers from 1 to 25, no more than 25 in all.
        """
        raise NotImplementedError(f"{type(self).__name__} has no ensembles")

    @classmethod
    def has_ensembles(cls) -> bool:
        """Whether models of this task can be blended."""
        return all(getattr(cls, name) is not getattr(Task, name) for name in ("answers", "blend", "ensemble"))

    def groups(self, evaluation: Evaluation, part: Part, metrics: Sequence[str]) -> tuple[Group, ...]:
        """Break an evaluation of `part` down by what its examples are like; `metrics` as in `evaluate`.

        Asked for once a finalist is scored on test, so that it costs the search nothing.
        """
        return ()

    def mistakes(self, evaluation: Evaluation, part: Part) -> tuple[Mistake, ...]:
        """Those of an evaluation of `part` that the model was surest of, the worst first; asked for as `groups`."""
        return ()

    def temperature(self, evaluation: Evaluation) -> float | None:
        """What the probabilities of a model that answered so on held-out examples are to be calibrated by.

        Asked for in the search, and of ensembles; None where the task, or what is predicted, has no probabilities.
        """
        return None

    def calibrated(self, model: Any, temperature: float) -> Any:
        """A fitted model, or an ensemble, as one that `evaluate` and `answer` take and that is as sure as it is right.

        Args:
            model: whose answers stay what they are, but for how sure it is of them.
            temperature: as the method of that name gives it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how models are calibrated")

    def held_out(self, source: Source, options: Mapping[str, str], encoding: Any) -> tuple[Part, tuple[str, ...]]:
        """New data to score a stored model on: (a part, one line for each thing the user should know).

        Args:
            source: the new data.
            options: the task's settings, as in `read`.
            encoding: of the run that the model is from.

        Raises:
            DataError: the data cannot be read, or nothing of it can be scored.
        """
        raise NotImplementedError(f"{type(self).__name__} does not score new data")

    def answer(self, model: Model, encoding: Any, query: Mapping[str, Any]) -> Answer:
        """Answer a query with a fitted model.

        Args:
            model: a fitted model of this task.
            encoding: the run's encoding, an instance of `self.encoding`.
            query: what was asked, such as `{"users": ["42"], "k": 10}`; see `Source.of_query` for files.

        Raises:
            UserError: the query cannot be answered as given.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to answer")

    def probes(self, encoding: Any, folder: Path) -> Sequence[Probe]:
        """Queries for the conformance kit to put to every model of this task: unknown ids, nothing at all, too much.

        Without any, the kit can say nothing of how models answer queries.

        Args:
            encoding: of the data of `example`, an instance of `self.encoding`.
            folder: an empty folder for the files that queries name.
        """
        return ()

    def sample(self) -> Source:
        """Data to try the task on: real where the sample package is installed, else made up."""
        raise NotImplementedError(f"{type(self).__name__} has no sample")

    def example(self, seed: int) -> Source:
        """Tiny made-up data for tests."""
        raise NotImplementedError(f"{type(self).__name__} has no example")
