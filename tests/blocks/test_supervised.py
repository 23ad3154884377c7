"""Tasks that predict a class or a number, on a task of one column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from workbench import Context, Mistake, Model, ModelError, Source, UserError
from workbench.blocks.estimators import Estimator
from workbench.blocks.predictions import predicted
from workbench.blocks.supervised import Supervised
from workbench.data.examples import Examples
from workbench.data.features import as_numbers_or_missing
from workbench.data.labelled import Labels


@dataclass(frozen=True)
class Points(Examples):
    xs: np.ndarray


class Line(Supervised[Points]):
    baseline = "steps"
    part = Points
    encoding = Labels

    def encode(self, table, labels):
        return labels, ["encoded"]

    def features(self, table, encoding):
        return {"xs": as_numbers_or_missing(table, "x")[:, None]}, []


class Steps(Estimator):
    leaves: int = 4

    def features(self, examples):
        return examples.xs

    def estimator(self, train, context):
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        return (DecisionTreeClassifier if train.n_classes else DecisionTreeRegressor)(
            max_leaf_nodes=self.leaves, random_state=context.seed
        )


class Says(Model):
    """Answers what the test wants."""

    def predict_proba(self, examples):
        return self.answer_

    predict = predict_proba


def says(answer) -> Says:
    model = Says()
    model.answer_ = answer
    return model


XS = np.arange(60) / 10
CLASSES = pa.table({"x": XS, "label": np.where(XS > 4, "c", np.where(XS > 2, "b", "a"))})
NUMBERS = pa.table({"x": XS, "label": np.sin(XS)})
TASK = Line()


def split_of(table: pa.Table):
    dataset = TASK.read(Source(table), {})
    return dataset, TASK.split(dataset, None, 0)


def test_reading_gives_rows_in_an_order_of_their_own() -> None:
    dataset, _ = split_of(CLASSES)
    turned = TASK.read(Source(CLASSES.take(list(range(59, -1, -1)))), {})
    assert dataset.fingerprint == turned.fingerprint
    assert np.array_equal(dataset.data.xs, turned.data.xs)
    assert dataset.report.headline == "60 examples · 1 xs · target label (3 classes)"
    assert dataset.report.notes == ("encoded",)
    assert dataset.encoding == Labels("label", ["a", "b", "c"])


def test_a_fixed_test_part_is_read_under_the_encoding_of_the_data() -> None:
    dataset = TASK.read(Source(CLASSES, pa.table({"x": [1.0, 5.0, 7.0], "label": ["a", "c", "z"]})), {})
    assert dataset.test is not None and sorted(dataset.test.target.tolist()) == [0, 2]
    assert dataset.test.ids.tolist() == [60, 61]
    assert "left out: 1 row of classes that the run has not met: z" in dataset.report.notes
    assert dataset.fingerprint != TASK.read(Source(CLASSES), {}).fingerprint


@pytest.mark.parametrize(("table", "searched"), [(CLASSES, "accuracy"), (NUMBERS, "rmse")])
def test_metrics_suit_the_data(table: pa.Table, searched: str) -> None:
    dataset, split = split_of(table)
    names = [metric.name for metric in TASK.metrics_for(dataset.data)]
    assert names[0] == searched
    assert names[5:] == ["f1@a", "f1@b", "f1@c"] if searched == "accuracy" else len(names) == 3
    model = Steps()
    model.fit(split.train, Context())
    found = TASK.evaluate(model, split.test, [*(metric.name for metric in TASK.metrics), *names[5:]])
    assert list(found.metrics) == names
    assert found.example_ids is not None and found.example_ids.tolist() == split.test.ids.tolist()
    assert found.metrics[searched] > 0.8 if searched == "accuracy" else found.metrics[searched] < 0.5


def test_mistakes_are_named_as_the_user_counts_rows() -> None:
    table = pa.table({"x": [*XS, None], "label": [*CLASSES["label"].to_pylist(), None]}).slice(1)
    dataset = TASK.read(Source(table, on_bad_rows="skip"), {})
    part = dataset.data.take(dataset.data.xs[:, 0] > 1.95)
    probabilities = np.full((len(part), 3), 0.0, np.float32)
    probabilities[:, 2] = 0.4 + part.xs[:, 0] / 20
    probabilities[:, 1] = 1 - probabilities[:, 2]
    names = [metric.name for metric in TASK.metrics]
    worst = TASK.mistakes(TASK.evaluate(says(probabilities), part, names), part)
    assert len(worst) == 10
    assert worst[0] == Mistake("row 40", "b", "c", pytest.approx(0.6)), "x is 4.0; the second row was made the first"
    assert worst[1] == Mistake("row 39", "b", "c", pytest.approx(0.595))
    assert TASK.mistakes(TASK.evaluate(says(np.eye(3)[part.target]), part, names), part) == ()


def test_an_amount_is_no_mistake_and_an_example_from_nowhere_has_a_number() -> None:
    _, split = split_of(NUMBERS)
    found = TASK.evaluate(says(split.test.target + 1), split.test, ["rmse"])
    assert TASK.mistakes(found, split.test) == ()
    assert replace(split.test, origin=None, ids=split.test.ids + 7).shown(np.array([0])) == [
        f"example {split.test.ids[0] + 7}"
    ]


def test_a_calibrated_model_answers_the_same_with_other_probabilities() -> None:
    dataset, _ = split_of(CLASSES)
    part = dataset.data
    sure = np.full((60, 3), 0.01)
    sure[np.arange(60), (part.target + (np.arange(60) % 3 == 0)) % 3] = 0.98  # a third of them wrong
    model = says(sure)
    found = TASK.evaluate(model, part, ["accuracy", "log-loss"])
    degrees = TASK.temperature(found)
    assert degrees is not None and 3 < degrees < 10
    calm = TASK.calibrated(model, degrees)
    calmed = TASK.evaluate(calm, part, ["accuracy", "log-loss"])
    assert calmed.metrics["accuracy"] == found.metrics["accuracy"]
    assert calmed.metrics["log-loss"] < found.metrics["log-loss"] / 1.3
    together = TASK.calibrated(TASK.ensemble([model, model], [1, 2]), degrees)
    assert TASK.evaluate(together, part, ["log-loss"]).metrics["log-loss"] == pytest.approx(calmed.metrics["log-loss"])
    assert (
        TASK.temperature(TASK.evaluate(says(split_of(NUMBERS)[1].test.target), split_of(NUMBERS)[1].test, ["rmse"]))
        is None
    )


def test_a_thinned_part_keeps_the_same_examples_whatever_else_is_held_out() -> None:
    data = split_of(CLASSES)[0].data
    assert TASK.thinned(data, 60) is data
    few = TASK.thinned(data, 10)
    assert len(few) == 10 and few.ids.tolist() == sorted(few.ids.tolist())
    for left_out in (int(few.ids[3]), int(data.ids[-1])):
        others = TASK.thinned(data.take(data.ids != left_out), 10 - (left_out in few.ids))
        assert set(others.ids.tolist()) == set(few.ids.tolist()) - {left_out}


@pytest.mark.parametrize("table", [CLASSES, NUMBERS])
def test_an_ensemble_answers_as_its_blend(table: pa.Table) -> None:
    _, split = split_of(table)
    models = [Steps(leaves=2), Steps(leaves=5)]
    for model in models:
        model.fit(split.train, Context())
    names = [metric.name for metric in TASK.metrics]
    answers = [TASK.answers(model, split.valid, names) for model in models]
    blend = TASK.blend(answers, split.valid, np.arange(len(split.valid)), names)
    together = TASK.ensemble(models, [1, 3])
    assert blend([1, 3]).metrics == TASK.evaluate(together, split.valid, names).metrics
    assert blend([0, 2]).metrics == TASK.evaluate(models[1], split.valid, names).metrics
    some = TASK.blend([{k: v[2:5] for k, v in own.items()} for own in answers], split.valid, np.arange(2, 5), names)
    assert some([1, 1]).truth.tolist() == split.valid.target[2:5].tolist()


def test_a_restored_model_answers_the_same(tmp_path: Path) -> None:
    _, split = split_of(CLASSES)
    model, again = Steps(), Steps()
    model.fit(split.train, Context())
    model.save(tmp_path)
    again.restore(tmp_path)
    assert np.array_equal(model.predict_proba(split.test), again.predict_proba(split.test))


def test_a_class_that_was_not_met_is_given_nothing() -> None:
    _, split = split_of(CLASSES)
    model = Steps()
    model.fit(split.train.take(split.train.target != 1), Context())
    assert (model.predict_proba(split.test)[:, 1] == 0).all()


def test_answers_are_rows_in_input_order() -> None:
    dataset, split = split_of(CLASSES)
    model = Steps()
    model.fit(split.train_valid, Context())
    answer = TASK.answer(model, dataset.encoding, {"input": pa.table({"x": [5.5, 0.1, 3.0]})})
    assert answer.table.column_names == ["row", "prediction", "p(a)", "p(b)", "p(c)"]
    assert answer.table["row"].to_pylist() == [1, 2, 3]
    assert answer.table["prediction"].to_pylist() == ["c", "a", "b"]
    nothing = TASK.answer(model, dataset.encoding, {"input": pa.table({"x": pa.array([], pa.float64())})}).table
    assert nothing.num_rows == 0 and nothing.column_names == answer.table.column_names
    numbers, split = split_of(NUMBERS)
    model.fit(split.train_valid, Context())
    answer = TASK.answer(model, numbers.encoding, {"input": pa.table({"x": [1.5], "row": [7]})})
    assert answer.table.column_names == ["row", "prediction"] and answer.table["row"].to_pylist() == [1]
    with pytest.raises(UserError, match="say which rows to answer: --input FILE"):
        TASK.answer(model, numbers.encoding, {"users": ["3"], "k": 10})


def test_new_data_is_read_under_the_run_s_encoding() -> None:
    dataset, _ = split_of(CLASSES)
    part, notes = TASK.held_out(Source(pa.table({"x": [1.0, 2.0], "label": ["c", "z"]})), {}, dataset.encoding)
    assert part.target.tolist() == [2] and part.n_classes == 3
    assert notes == ("left out: 1 row of classes that the run has not met: z",)


@pytest.mark.parametrize(
    ("answer", "n_classes", "message"),
    [
        (np.ones((60, 2)) / 2, 3, r"gives an array of shape \(60, 2\); \(60, 3\) is needed"),
        ([0.5], 3, "shape list"),
        (np.ones((60, 3)), 3, "no distributions"),
        (np.tile([1.5, -0.5, 0.0], (60, 1)), 3, "no distributions"),
        (np.full((60, 3), np.nan), 3, "not finite"),
        (np.full((60, 3), "a"), 3, "no numbers"),
        (np.full(60, np.inf), 0, "not finite"),
        (np.ones((60, 1)), 0, r"\(60,\) is needed"),
    ],
)
def test_what_models_answer_is_checked(answer, n_classes: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        predicted(says(answer), split_of(CLASSES)[0].data, n_classes)


def test_a_model_without_the_method_is_told_which() -> None:
    with pytest.raises(ModelError, match=r"Model does not define predict_proba\(examples\)"):
        predicted(Model(), split_of(CLASSES)[0].data, 3)
