"""Tasks whose models predict a class or a number for each row of a table, or whatever else is an example.

A task derives from `Supervised` and says what the features of a row are.

A model for such a task answers in one or both of two ways; `workbench.blocks.estimators` has a base for those that are
scikit-learn estimators:

- `predict_proba(examples)`: a part -> float[n, n_classes], rows that add up to 1;
- `predict(examples)`: a part -> float[n], where a number is to be predicted.

`fit(train, context)` tells the two apart by `train.n_classes`, which is 0 where a number is to be predicted. A model
for one of them alone says `needs = {"classes"}` or `needs = {"numbers"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from workbench.blocks.predictions import NUMBERS, PROBABILITIES, Calibrated, Together, predicted, weighted_mean
from workbench.contract.metric import Evaluation, Group, Metric, Mistake
from workbench.contract.model import Model
from workbench.contract.report import DataReport
from workbench.contract.split import Dataset, Split
from workbench.contract.task import Answer, Probe, Source, Task
from workbench.data.example_splits import STRATEGIES, fold_examples, resample_examples, split_examples
from workbench.data.examples import Examples
from workbench.data.labelled import NAMES, OPTIONS, Labelled, Labels, read_labelled
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError, UserError
from workbench.metrics.calibration import temperature
from workbench.metrics.classification import CLASSIFICATION, F1_OF, by_class, evaluate_classes, f1_of, surest_mistakes
from workbench.metrics.regression import REGRESSION, evaluate_numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

Part = TypeVar("Part", bound=Examples)

MOST_F1 = 20
"""Of more classes than these, F1 is given as the mean alone."""


class Supervised(Task[Part]):
    """The base of tasks whose parts are `Examples` and whose encodings are `Labels`.

    A subclass sets `part`, `encoding` and `baseline` and defines `encode` and `features`; a task whose data comes in
    other forms too overrides `table`; one whose data is no table overrides `read`, `held_out` and `answer` instead.
    """

    metrics: ClassVar[Sequence[Metric]] = (*CLASSIFICATION, *REGRESSION)
    splits = STRATEGIES
    options = OPTIONS

    targets: ClassVar[Sequence[str]] = NAMES
    """What the column to predict may be called, in lower case without separators, where the user does not say."""

    def table(self, data: Any, source: Source, options: Mapping[str, str], encoding: Any = None) -> RawTable:
        """Read a path or a table: `source.data` or `source.test_data`.

        Args:
            data: that is to be read.
            source: says the text encoding and what to do with bad rows.
            options: of the task.
            encoding: what models were fitted on, or None in data that they will be.
        """
        return read_table(data, source)

    def questions(self, source: Source, encoding: Any) -> RawTable:
        """Read what is to be answered; a task whose questions come in other forms than its data overrides it."""
        return self.table(source.data, source, {}, encoding)

    def encode(self, table: RawTable, labels: Labels) -> tuple[Any, Sequence[str]]:
        """(an instance of `self.encoding`, what the user should know): how this table, and others, become features.

        Args:
            table: with the column to predict.
            labels: that column, and its classes.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to encode a table")

    def features(self, table: RawTable, encoding: Any) -> tuple[Mapping[str, Any], Sequence[str]]:
        """(the fields of `self.part` beside those of `Examples`, what the user should know).

        Arrays have a row for each row of the table, in its order. The table may lack the column to predict.

        Raises:
            DataError: the table does not have what the encoding needs.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its features are")

    def read(self, source: Source, options: Mapping[str, str]) -> Dataset[Part]:
        """Read a table, and the fixed test part where there is one, under the encoding of the data."""
        labelled = self._labelled(source.data, source, options)
        encoding, notes = self.encode(labelled.table, labelled.labels)
        data, more = self._examples(labelled, encoding)
        data, fingerprint = data.ordered(repr(encoding))
        test, of_test = None, None
        if source.test_data is not None:
            of_test = self._labelled(source.test_data, source, options, encoding)
            test, unknown = self._examples(of_test, encoding)
            test, fingerprint = test.ordered(fingerprint, first=len(data))
            more = (*more, *of_test.notes, *unknown)
        notes = (*labelled.notes, *notes, *more)
        counts = [f"{count:,} {name}" for name, count in data.shape.items() if count and name != "classes"]
        facts = {**data.shape, "skipped": labelled.skipped + (of_test.skipped if of_test else 0)}
        report = DataReport(" · ".join([*counts, self.columns_read(encoding)]), notes, facts)
        return Dataset(source.name, data, test, encoding, fingerprint, report, source.made_up)

    def columns_read(self, encoding: Any) -> str:
        """Which columns of a table were read as what, for the headline of the data."""
        return f"target {encoding.target} ({f'{len(encoding.classes):,} classes' if encoding.classes else 'a number'})"

    def held_out(self, source: Source, options: Mapping[str, str], encoding: Any) -> tuple[Part, tuple[str, ...]]:
        """Rows of a table with the column to predict; see `unseen`."""
        labelled = self._labelled(source.data, source, options, encoding)
        examples, notes = self._examples(labelled, encoding)
        examples, seen = self.unseen(examples, encoding, source)
        return examples, (*labelled.notes, *notes, *seen)

    def kept_encoding(self, dataset: Dataset[Part], split: Split[Part]) -> Any:
        """With what the examples are that models are fitted on, where `Examples.contents` says it."""
        contents = split.train_valid.contents
        return dataset.encoding if contents is None else replace(cast(Any, dataset.encoding), seen=np.unique(contents))

    def unseen(self, part: Part, encoding: Any, source: Source) -> tuple[Part, tuple[str, ...]]:
        """(the examples that the run's models were not fitted on, a line that counts the others).

        Raises:
            DataError: there are no others.
        """
        contents = part.contents
        seen = np.zeros(len(part), bool) if contents is None else np.isin(contents, encoding.seen)
        if not seen.any():
            return part, ()
        note = f"left out: {seen.sum():,} of {len(part):,} examples that the run's models were fitted on"
        if seen.all():
            raise DataError(f"{source.name}: nothing is left to score; {note}")
        return part.take(~seen), (note,)

    def _labelled(self, data: Any, source: Source, options: Mapping[str, str], encoding: Any = None) -> Labelled:
        table = self.table(data, source, options, encoding)
        return read_labelled(table, source, options, encoding, self.targets)

    def _examples(self, labelled: Labelled, encoding: Any) -> tuple[Part, tuple[str, ...]]:
        arrays, notes = self.features(labelled.table, encoding)
        return self._part(labelled.target, encoding, {**arrays, "origin": labelled.rows}), tuple(notes)

    def _part(self, target: NDArray[Any], encoding: Any, arrays: Mapping[str, Any]) -> Part:
        common = {"n_classes": len(encoding.classes), "labels": encoding.classes, "ids": np.arange(len(target))}
        part: Part = self.part(target=target, **common, **arrays)
        return part

    def answer(self, model: Model, encoding: Any, query: Mapping[str, Any]) -> Answer:
        """A row for each row of the table `input`, in order; see `predictions`.

        The first column is `row`, its number in the file from 1, or `path` where the table has rows from many files.
        """
        if query.get("input") is None:
            raise UserError("say which rows to answer: --input FILE, a table with the columns of the run's data")
        import pyarrow as pa

        source = Source.of_query(query)
        table = self.questions(source, encoding)
        arrays, notes = self.features(table, encoding)
        examples = self._part(np.zeros(table.columns.num_rows, np.int32), encoding, arrays)
        found, keys = self.predictions(model, examples, encoding.classes), table.row_keys
        name = "row" if pa.types.is_integer(keys.type) else "path"
        return Answer(found.add_column(0, name, keys), (*table.notes, *notes))

    def metrics_for(self, part: Part) -> Sequence[Metric]:
        """Those of classes, and F1 of each where they are few; or those of numbers."""
        kind = CLASSIFICATION if part.n_classes else REGRESSION
        of_one = part.labels if len(part.labels) <= MOST_F1 else ()
        return [*(metric for metric in self.metrics if metric in kind), *map(f1_of, of_one)]

    def metric(self, name: str) -> Metric:
        """One of `metrics`, or `f1@CLASS` of any class."""
        return f1_of(name.removeprefix(F1_OF)) if name.startswith(F1_OF) else super().metric(name)

    def split(self, dataset: Dataset[Part], strategy: str | None, seed: int) -> Split[Part]:
        """Split by one of `splits`."""
        return split_examples(dataset, strategy, seed)

    def resample(self, split: Split[Part], draw: int, seed: int) -> tuple[Part, Part]:
        """Another draw of valid."""
        return resample_examples(split, draw, seed)

    def fold(self, split: Split[Part], number: int, of: int, seed: int) -> tuple[Part, Part]:
        """Examples are dealt out to the folds at random, classes in equal shares."""
        return fold_examples(split, number, of, seed)

    def thinned(self, part: Part, most: int) -> Part:
        """So many of its examples, the same ones in every draw as far as they are held out."""
        if len(part) <= most:
            return part
        rank = np.random.default_rng(0).random(int(part.ids.max()) + 1)  # of an id the same, however many there are
        return part.take(np.sort(np.argsort(rank[part.ids])[:most]))

    def evaluate(self, model: Model, part: Part, metrics: Sequence[str]) -> Evaluation:
        """`answers` holds `probabilities`, float32[n, n_classes], or `numbers`, float64[n]; `truth` is the target."""
        return _evaluated(self.answers(model, part, metrics), part, metrics)

    def groups(self, evaluation: Evaluation, part: Part, metrics: Sequence[str]) -> tuple[Group, ...]:
        """What a confusion matrix shows: the share of each class that is found, and what it is taken for."""
        if PROBABILITIES not in evaluation.answers or not part.labels:
            return ()
        return by_class(evaluation.answers[PROBABILITIES].argmax(axis=1), part.target, part.labels)

    def mistakes(self, evaluation: Evaluation, part: Part) -> tuple[Mistake, ...]:
        """The examples that were given the wrong class with the largest probabilities."""
        if PROBABILITIES not in evaluation.answers or not part.labels:
            return ()
        probabilities = evaluation.answers[PROBABILITIES]
        worst = surest_mistakes(probabilities, part.target, part.groups)
        right, given = part.target[worst].tolist(), probabilities[worst].argmax(axis=1).tolist()
        sure = probabilities[worst].max(axis=1).tolist()
        return tuple(
            Mistake(shown, part.labels[r], part.labels[g], p)
            for shown, r, g, p in zip(part.shown(worst), right, given, sure, strict=True)
        )

    def temperature(self, evaluation: Evaluation) -> float | None:
        """That of probabilities (`workbench.metrics.calibration`)."""
        if PROBABILITIES not in evaluation.answers:
            return None
        return temperature(evaluation.answers[PROBABILITIES], evaluation.truth)

    def calibrated(self, model: Any, temperature: float) -> Calibrated:
        """One that predicts the same classes, with probabilities at this temperature."""
        return Calibrated(model, temperature)

    def answers(self, model: Model, part: Part, metrics: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """`probabilities`, float32[n, n_classes], or `numbers`, float64[n]."""
        return predicted(model, part, part.n_classes)

    def blend(
        self,
        answers: Sequence[Mapping[str, NDArray[Any]]],
        part: Part,
        rows: NDArray[np.int64],
        metrics: Sequence[str],
    ) -> Callable[[Sequence[int]], Evaluation]:
        """Weights -> how the weighted mean of what the models predict does."""
        (name,) = answers[0]
        stacked, taken = np.stack([own[name] for own in answers]), part.take(rows)
        return lambda weights: _evaluated({name: weighted_mean(stacked, weights)}, taken, metrics)

    def ensemble(self, models: Sequence[Model], weights: Sequence[int]) -> Together:
        """Models whose predictions are averaged."""
        return Together(tuple(models), tuple(weights))

    def probes(self, encoding: Any, folder: Path) -> tuple[Probe, ...]:
        """Tables with and without the column to predict, without rows, and without the columns that are needed."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = self.example(0).data
        tables = {
            "the rows of a table": table,
            "rows without their target": table.drop_columns(encoding.target),
            "no rows": table.slice(0, 0),
            "a table of other columns": pa.table({"no such column": [1]}),
        }
        for name, each in tables.items():
            pq.write_table(each, folder / f"{name}.parquet")
        *usable, other = (
            Probe(name, {"input": str(folder / f"{name}.parquet")}, rows=each.num_rows) for name, each in tables.items()
        )
        return *usable, replace(other, rows=None, refused=True), Probe("nothing", {}, refused=True)

    def predictions(self, model: Any, examples: Part, classes: Sequence[str]) -> pa.Table:
        """A row an example, in order: `prediction`, and for classes a column `p(class)` each with its probability.

        Args:
            model: fitted.
            examples: whose target is not looked at.
            classes: the labels; empty where a number is predicted.
        """
        import pyarrow as pa

        found = predicted(model, examples, len(classes))
        if not classes:
            return pa.table({"prediction": found[NUMBERS]})
        given = found[PROBABILITIES]
        labels = pa.array(classes).take(pa.array(given.argmax(axis=1)))
        columns = {f"p({label})": given[:, number] for number, label in enumerate(classes)}
        return pa.table({"prediction": labels, **columns})


def _evaluated(answers: Mapping[str, NDArray[Any]], part: Examples, metrics: Sequence[str]) -> Evaluation:
    if PROBABILITIES in answers:
        found = evaluate_classes(answers[PROBABILITIES], part.target, metrics, part.ids, part.labels)
    else:
        found = evaluate_numbers(answers[NUMBERS], part.target, metrics, part.ids)
    return replace(found, answers=answers, truth=part.target)
