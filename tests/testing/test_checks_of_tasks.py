"""Each promise of tasks: a task that breaks it is caught and told why; the good one passes in its own tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.testing.conftest import found
from workbench.testing.generator import CHECKS
from workbench.testing.subjects import TaskSubject

Make = Callable[[str], TaskSubject]

CASES = [
    ("it_is_a_task", "NoTask", "tests.testing.broken:NoTask is <class"),
    ("it_is_a_task", "NoMetrics", "metrics is ()"),
    ("its_baseline_is_on_offer", "NoBaseline", "baseline 'nobody'; on offer are popular, "),
    ("its_example_is_reproducible", "ForgetfulExample", "the second time"),
    ("parts_survive_being_stored", "OddParts", "train/callback is a builtin_function_or_method; give arrays"),
    ("parts_say_their_shape", "ShapelessParts", "shape is None"),
    ("splits_are_reproducible", "UnseededSplit", "identity 'user-random"),
    ("split_parts_are_disjoint", "Leaks", "rows are in train and valid at once"),
    ("split_parts_are_disjoint", "LeaksTest", "rows are in train_valid and test at once"),
    ("metrics_are_as_declared_and_finite", "NotFinite", "recall@10 is nan for the baseline popular"),
    ("metrics_are_as_declared_and_finite", "Undelivered", "recall@10 is declared and was asked for, but is not in"),
    ("metrics_are_as_declared_and_finite", "NoMean", "the mean of its values is"),
    ("evaluations_are_reproducible", "Dice", "metrics.gini@10 is "),
    ("answers_are_json", "AnswersDates", "asked for every user: Object of type date is not JSON serializable"),
    ("answers_are_json", "AnswersLess", "asked for every user, the table lacks score"),
    (
        "a_constant_answer_is_no_better_than_the_baseline",
        "CountsTiesWell",
        "ndcg@10 of a constant answer is 1, of the baseline popular 0.",
    ),
    ("a_missing_file_is_a_data_error", "Unkind", "it raises FileNotFoundError: "),
]


@pytest.mark.parametrize(("check", "name", "seen"), CASES, ids=[f"{check}-{name}" for check, name, _ in CASES])
def test_a_broken_promise_is_caught_and_the_cause_named(task: Make, check: str, name: str, seen: str) -> None:
    state, told = found(task(name), "task", check)
    assert (state, seen in told) == ("failed", True), told


def test_a_good_task_keeps_every_promise(task: Make) -> None:
    subject = task("Recommend")
    outcomes = {check.name: found(subject, "task", check.name) for check in CHECKS["task"]}
    assert outcomes.pop("its_requirements_are_declared") == ("skipped", "it is no plugin's")
    assert outcomes == dict.fromkeys(outcomes, ("passed", ""))


def test_every_check_has_a_broken_task_here() -> None:
    assert {check.name for check in CHECKS["task"]} == {check for check, _, _ in CASES} | {
        "its_requirements_are_declared"
    }


def test_without_probes_nothing_is_said_of_answers(task: Make) -> None:
    state, told = found(task("NoProbes"), "task", "answers_are_json")
    assert (state, told) == ("skipped", "the task has no probes, so there is nothing to ask; give it Task.probes")


def test_an_example_is_read_under_the_options_that_its_task_has(task: Make) -> None:
    plain, other = task("Recommend"), task("Recommend")
    other.options = {"k_core": "3", "no_option_of_it": "x"}
    assert other.dataset.fingerprint == other.example().fingerprint != plain.dataset.fingerprint
