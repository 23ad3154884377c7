"""What a model promises: plain hyperparameters, honest fits, answers that survive being stored.

Fits are on the task's example, which is tiny, with the defaults, on the CPU and one thread.
"""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workbench import space as spaces
from workbench.contract.metric import Evaluation
from workbench.contract.model import Model
from workbench.contract.task import Answer
from workbench.errors import Pruned, UserError
from workbench.execution.scoring import is_finite
from workbench.testing import pickles
from workbench.testing.comparing import CLOSE, difference, of_evaluations
from workbench.testing.promises import Broken, Untold, check
from workbench.testing.subjects import ModelSubject
from workbench.testing.watching import watched

DEADLINE = 1.0
"""Seconds that a fit is given where its deadline is looked at."""

GRACE = 8.0
"""Seconds by which it may be late: for a slow machine, and for what is imported on the way."""

LEAST_SECONDS = 1.0
LEAST_BYTES = 2**30
"""An estimate is held against what was measured only above these: below, noise and imports are most of it."""

FACTOR = 10.0


@check(
    "model",
    promised="`load` names a subclass of workbench.Model whose every hyperparameter has a default",
    remedy="write class YourModel(Model), and give each annotated field a default",
)
def it_is_a_model(subject: ModelSubject) -> None:
    loaded = subject.loaded
    if not (isinstance(loaded, type) and issubclass(loaded, Model)):
        raise Broken(f"{subject.spec.load} is {loaded!r}")
    loaded.build(loaded.hyperparameters())


@check(
    "model",
    promised="hyperparameters are JSON: strings, finite numbers, booleans or None, and lists of them",
    remedy="keep objects out of the fields; make them in fit from a name or a number",
    after=it_is_a_model,
)
def its_hyperparameters_are_json(subject: ModelSubject) -> None:
    named = [subject.model.hyperparameters(), *subject.model.starts]
    for name, value in ((name, value) for settings in named for name, value in settings.items()):
        try:
            same = json.loads(json.dumps(value, allow_nan=False)) == value
        except (TypeError, ValueError):
            same = False
        if not same:
            raise Broken(f"{name} is {value!r}, a {type(value).__name__}")


@check(
    "model",
    promised="the space names hyperparameters, and gives each a distribution",
    remedy="spell the names in space and starts as the fields are spelt; use Int, Float, Choice and When of "
    "workbench.space",
    after=it_is_a_model,
)
def its_space_names_hyperparameters(subject: ModelSubject) -> None:
    space, fields = subject.model.space_for(subject.shape), subject.model.hyperparameters()
    spaces.to_json(space)
    named = [("space", name) for name in space] + [("starts", name) for each in subject.model.starts for name in each]
    named += [
        ("a condition", distribution.field)
        for distribution in space.values()
        if isinstance(distribution, spaces.Conditional)
    ]
    for where, name in named:
        if name not in fields:
            raise Broken(f"{where} names {name!r}; the hyperparameters are {', '.join(fields) or 'none'}")


@check(
    "model",
    promised="the defaults and the starts lie in the space",
    remedy="widen the distribution or move the value; the search tries them first, and could not come back to them",
    after=its_space_names_hyperparameters,
)
def its_defaults_lie_in_the_space(subject: ModelSubject) -> None:
    space, defaults = subject.model.space_for(subject.shape), subject.model.hyperparameters()
    for where, settings in (("by default", {}), *(("in a start", start) for start in subject.model.starts)):
        params = {**defaults, **settings}
        for name, distribution in spaces.active(space, params).items():
            if not distribution.contains(params[name]):
                raise Broken(f"{name} is {params[name]!r} {where}, the space has {distribution}")


@check(
    "model",
    promised="a model can be built at both ends of every distribution, and with every option of a choice",
    remedy="take what cannot be used out of the space, or leave it to fit to say so",
    after=its_space_names_hyperparameters,
)
def both_ends_of_every_distribution_can_be_built(subject: ModelSubject) -> None:
    for params in _ends(subject.model.space_for(subject.shape)):
        try:
            subject.model.build(params)
        except Exception as error:
            raise Broken(f"with {params} it raises {type(error).__name__}: {error}") from error


@check(
    "model",
    promised=f"fit ends by the deadline that it is given, give or take {GRACE:.0f} s",
    remedy="ask context.seconds_left in long loops, or iterate over context.epochs; a run kills what overruns",
    after=it_is_a_model,
    seconds=30.0,
)
def it_stops_at_the_deadline(subject: ModelSubject) -> None:
    train = copy.deepcopy(subject.data.parts["train"])
    started = time.monotonic()
    if not _is_fitted(subject, train, started + DEADLINE):
        return
    late = time.monotonic() - started - DEADLINE
    if late > GRACE:
        raise Broken(f"with {DEADLINE:g} s to go it ended {late:.1f} s after its deadline")


@check(
    "model",
    promised="fit leaves the training data as it is",
    remedy="work on a copy: in a run all models read the same arrays, which are read-only",
    after=it_stops_at_the_deadline,
)
def it_leaves_the_training_data_untouched(subject: ModelSubject) -> None:
    train = copy.deepcopy(subject.data.split.train)
    _is_fitted(subject, train)
    if found := difference(train, copy.deepcopy(subject.data.parts["train"]), "train"):
        raise Broken(f"after the fit, {found}")


@check(
    "model",
    promised="with its defaults it can be fitted and scored as in a run, from read-only arrays, and every metric is a "
    "finite number",
    remedy="run workbench with --models and this one alone on the task's sample; show TRIAL has the whole traceback",
    after=it_stops_at_the_deadline,
)
def it_can_be_fitted_and_scored(subject: ModelSubject) -> None:
    _, found = subject.fitted
    for name in subject.data.metrics:
        if not is_finite(found.metrics.get(name)):
            raise Broken(f"{name} is {found.metrics.get(name)!r}", "answer finite numbers of the type the task says")
    for name, values in found.answers.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise Broken(f"its {name} hold NaN", "answer finite numbers")


@check(
    "model",
    promised="the same seed gives the same score",
    remedy="draw from context.rng, or seed what you call with context.seed",
    after=it_can_be_fitted_and_scored,
)
def the_same_seed_gives_the_same_score(subject: ModelSubject) -> None:
    _, first = subject.fitted
    again = subject.evaluate(subject.fit(subject.build()))
    if found := of_evaluations(first, again):
        raise Broken(f"fitted twice with one seed, {found}")


@check(
    "model",
    promised="a refit, which has no part to report on, can be fitted and scored too",
    remedy="context.valid is None in a refit; context.report and context.epochs know that",
    after=it_can_be_fitted_and_scored,
)
def a_refit_needs_no_valid_part(subject: ModelSubject) -> None:
    _ = subject.fitted
    subject.evaluate(subject.fit(subject.build(), search=False))


@check(
    "model",
    promised="a second fit of the same object equals the first",
    remedy="start fit from nothing: set every attribute that ends in _ anew, and add nothing to old ones",
    after=a_refit_needs_no_valid_part,
)
def a_second_fit_equals_the_first(subject: ModelSubject) -> None:
    _, first = subject.fitted
    model = subject.fit(subject.build(), search=False)
    if found := of_evaluations(first, subject.evaluate(subject.fit(model))):
        raise Broken(f"fitted on other data before, {found}")


@check(
    "model",
    promised="if it reports, it lets Pruned pass",
    remedy="catch no Exception around context.report, or raise Pruned again",
    after=it_can_be_fitted_and_scored,
)
def it_lets_pruned_pass(subject: ModelSubject) -> None:
    reported = []

    def stop(step: int, value: float | None) -> float | None:
        reported.append(step)
        raise Pruned("the search asked it to stop")

    try:
        subject.fit(subject.build(), on_report=stop)
    except Pruned:
        return
    if reported:
        raise Broken(f"told to stop at its report of step {reported[0]}, it went on, with {len(reported) - 1} more")


@check(
    "model",
    promised="save stores all that was learned without pickle",
    remedy="keep arrays, sparse matrices, scikit-learn estimators, LightGBM boosters or plain values in attributes "
    "that end in _, or override save and restore",
    after=it_can_be_fitted_and_scored,
)
def it_is_saved_without_pickle(subject: ModelSubject) -> None:
    model, found = subject.fitted
    folder = subject.saved / "model"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with watched(subject.traces, subject.package, own=folder):
        model.save(folder)
    if pickled := pickles.in_folder(folder):
        raise Broken(f"{pickled[0]} is a pickle")
    record = json.dumps(_record(subject, model, found))
    (subject.saved / "answers.json").write_text(record, encoding="utf-8")


@check(
    "model",
    promised="restored in a fresh process it answers as it did",
    remedy="all that answers depend on must be a hyperparameter or end in _, or be stored by your save and restore",
    after=it_is_saved_without_pickle,
    fresh=True,
)
def a_restored_model_answers_alike(subject: ModelSubject) -> None:
    record = json.loads((subject.saved / "answers.json").read_text(encoding="utf-8"))
    model = subject.build()
    model.restore(subject.saved / "model")
    now = json.loads(json.dumps(_record(subject, model, subject.evaluate(model))))
    if found := difference(record, now, close=CLOSE):
        raise Broken(found)


@check(
    "model",
    promised="odd queries are answered as the task says: unknown ids, nothing at all, more than there is",
    remedy="answer for what fit never met, and for no rows; see Task.probes of the task for what is asked",
    after=it_can_be_fitted_and_scored,
)
def odd_queries_are_answered(subject: ModelSubject) -> None:
    if not subject.data.probes:
        raise Untold(f"task {subject.data.spec.name} has no probes, so there is nothing to ask")
    for probe, answer in subject.data.answers(subject.fitted[0]):
        if isinstance(answer, UserError):
            if not probe.refused:
                raise Broken(f"asked for {probe.name}, it refuses: {answer}")
        elif probe.refused:
            raise Broken(f"asked for {probe.name}, it answers {answer.table.num_rows} rows and should refuse")
        elif probe.rows is not None and answer.table.num_rows != probe.rows:
            raise Broken(f"asked for {probe.name}, it answers {answer.table.num_rows} rows instead of {probe.rows}")
        else:
            _check_finite(probe.name, answer)


@check(
    "model",
    promised="fit and scoring write no file, and save writes into its folder alone",
    remedy="keep what was learned in attributes, and what is temporary in a tempfile.TemporaryDirectory that is closed",
    after=it_can_be_fitted_and_scored,
)
def it_writes_nothing_outside_its_folder(subject: ModelSubject) -> None:
    _ = subject.fitted
    if subject.traces.written:
        raise Broken(f"it left {', '.join(map(str, list(subject.traces.written)[:3]))}")


@check(
    "model",
    promised="no process that fit starts is left behind",
    remedy="wait for what you start, or end it, before fit returns; context.threads says how many threads it may use",
    after=it_can_be_fitted_and_scored,
)
def it_leaves_no_process_behind(subject: ModelSubject) -> None:
    _ = subject.fitted
    if subject.traces.processes:
        raise Broken(f"still there after the fit: {', '.join(subject.traces.processes[:3])}")


@check(
    "model",
    promised=f"its estimate is within a factor of {FACTOR:g} of what a fit takes; times below {LEAST_SECONDS:g} s and "
    "memory below 1 GiB count as that much",
    remedy="let estimate(shape) give (CPU seconds, bytes) for the defaults, measured on data of known shape; or give "
    "none",
    after=it_can_be_fitted_and_scored,
)
def its_estimate_is_roughly_right(subject: ModelSubject) -> None:
    estimate = subject.model.estimate(subject.shape)
    if estimate is None:
        return
    if len(estimate) != 2 or not all(is_finite(value) and value >= 0 for value in estimate):
        raise Broken(f"estimate gives {estimate!r}")
    _ = subject.fitted
    measured = subject.cost.seconds, subject.cost.memory
    units = (("CPU s", LEAST_SECONDS, 1), ("MiB", LEAST_BYTES, 2**20))
    for told, seen, (unit, least, size) in zip(estimate, measured, units, strict=True):
        if not 1 / FACTOR <= max(told, least) / max(seen, least) <= FACTOR:
            raise Broken(f"it says {told / size:,.1f} {unit} for {dict(subject.shape)}, a fit took {seen / size:,.1f}")


def _is_fitted(subject: ModelSubject, train: Any, deadline: float | None = None) -> bool:
    """Whether a fit ends well; why not is for `it_can_be_fitted_and_scored` to say."""
    try:
        subject.fit(subject.build(), train, deadline=deadline)
    except (Exception, SystemExit):  # noqa: BLE001 - see above
        return False
    return True


def _ends(space: spaces.Space) -> Iterator[dict[str, Any]]:
    """Settings that each have one field at an end of its distribution, under the conditions that it counts for."""
    for name, distribution in space.items():
        conditions: dict[str, Any] = {}
        while isinstance(distribution, spaces.Conditional):
            conditions[distribution.field] = distribution.values[0]
            distribution = distribution.distribution
        chosen = isinstance(distribution, spaces.Choice)
        ends = distribution.options if chosen else (distribution.low, distribution.high)  # type: ignore[union-attr]
        for value in ends:
            yield {**conditions, name: value}


def _record(subject: ModelSubject, model: Model, found: Evaluation) -> Mapping[str, Any]:
    """All that a fitted model answers, as JSON."""
    answers = {}
    for probe, answer in subject.data.answers(model):
        answers[probe.name] = answer.table.to_pydict() if isinstance(answer, Answer) else "refused"
    arrays = {name: values.tolist() for name, values in (*found.per_example.items(), *found.answers.items())}
    return {"metrics": found.metrics, "on valid": arrays, "to": answers}


def _check_finite(asked: str, answer: Answer) -> None:
    for name in answer.table.column_names:
        column = answer.table.column(name)
        if column.null_count:
            raise Broken(f"asked for {asked}, column {name} has empty cells")
        if str(column.type) in ("float", "double") and not np.isfinite(column.to_numpy()).all():
            raise Broken(f"asked for {asked}, column {name} has numbers that are not finite")
