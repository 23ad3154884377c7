"""What a metric that a plugin adds to a task promises."""

from __future__ import annotations

from workbench.errors import ModelError, PluginError
from workbench.testing.comparing import difference
from workbench.testing.promises import Broken, check
from workbench.testing.subjects import MetricSubject


@check(
    "metric",
    promised="`load` names a function",
    remedy='write load="package.module:function"; the function takes a workbench.Scored',
)
def it_is_a_function(subject: MetricSubject) -> None:
    if not callable(subject.loaded) or isinstance(subject.loaded, type):
        raise Broken(f"{subject.spec.load} is {subject.loaded!r}")


@check(
    "metric",
    promised="of the answers of the task's baseline it makes a finite number, or as many as there are rows",
    remedy="return a float, or an array with a finite number for each row of scored.answers; the answers are read-only",
    after=it_is_a_function,
)
def it_gives_a_finite_number_a_row(subject: MetricSubject) -> None:
    try:
        subject.value()
    except (ModelError, PluginError) as error:
        raise Broken(str(error)) from error


@check(
    "metric",
    promised="the same answers give the same value",
    remedy="draw nothing, and keep nothing from one call to the next",
    after=it_gives_a_finite_number_a_row,
)
def the_same_answers_give_the_same_value(subject: MetricSubject) -> None:
    first, again = (subject.value() for _ in range(2))
    if found := difference(first.metrics, again.metrics, "metrics"):
        raise Broken(f"computed twice, {found}")
