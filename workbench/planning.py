"""What a run is about, and which models it searches: on offer, able to use the data, and affordable."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.contract import devices
from workbench.contract.metric import Metric
from workbench.contract.split import Split
from workbench.contract.task import ENCODING_ALONE, Source, Task
from workbench.data.pipes import kept
from workbench.errors import PluginError, SettingsError, UnknownName, UserError
from workbench.execution.memory import machine_memory
from workbench.execution.pool import Pool, check_can_go_on
from workbench.execution.work import Describe, Description, Locate, Location
from workbench.registry import ModelOffer, Registry, TaskOffer, load_task, metric_of
from workbench.search.allocation import Candidate
from workbench.search.budget import Budget
from workbench.search.study import ModelStudy
from workbench.settings import RunSettings
from workbench.store.rows import ModelRow

AFFORDABLE_SHARE = 0.5
"""A model whose one trial is estimated to take more of the time left than this is skipped."""

DESCRIBE_SECONDS = 60.0
DESCRIBE_LEAST = 2.0
DESCRIBE_SHARE = 0.25
"""No more of the time left goes into one model that does not say what it is."""

_UNKNOWN_COST = 1.0


@dataclass(frozen=True)
class Question:
    """What a run is about: the task, its models, the metrics; `scorers` are those of plugins, name -> function."""

    offer: TaskOffer
    task: Task[Any]
    metric: Metric
    metrics: tuple[str, ...]
    scorers: dict[str, str]
    models: dict[str, ModelOffer]
    options: dict[str, str]

    @property
    def plugins(self) -> dict[str, str]:
        """Model -> the distribution that offers it."""
        return {name: offer.plugin.distribution for name, offer in self.models.items()}


def ask(registry: Registry, settings: RunSettings) -> Question:
    """Check names before anything is read.

    Raises:
        UserError: the settings name something that is not there.
    """
    offer = registry.task(settings.task)
    task = load_task(offer)
    for name, value in settings.options.items():
        if name not in task.options:
            known = [f"--{option.replace('_', '-')}" for option in task.options]
            raise UnknownName("option", f"--{name.replace('_', '-')}", known, f"workbench tasks {settings.task}")
        choices = task.options[name].choices
        if choices and value not in choices:
            raise SettingsError(f"--{name.replace('_', '-')} {value}: choose from {', '.join(choices)}")
    metric = _searched_metric(registry, task, settings)
    added = registry.metrics(settings.task, task).values()
    scorers = {each.name: each.spec.load for each in added if not each.missing}
    metrics = tuple(dict.fromkeys([metric.name, *(each.name for each in task.metrics), *scorers]))
    models = choose_models(registry, settings, task.baseline)
    return Question(offer, task, metric, metrics, scorers, models, dict(settings.options))


def suited(question: Question, settings: RunSettings, part: Any) -> Question:
    """The question with those of the task's metrics alone that suit the data, once that is read.

    Raises:
        SettingsError: the user named one that does not.
    """
    task = question.task
    suit = [each.name for each in task.metrics_for(part)]
    known = {each.name for each in task.metrics}
    other = known - set(suit)
    families = {name.partition("@")[0] for name in set(suit) - known}  # of which the data decides the members
    asked = settings.metric or ""
    if asked in other or (asked not in suit and asked.partition("@")[0] in families):
        raise SettingsError(f"--metric {settings.metric} does not suit this data; choose from {', '.join(suit)}")
    metric = task.metrics_for(part)[0] if settings.metric is None else question.metric
    kept = [name for name in question.metrics if name not in other]
    return replace(question, metric=metric, metrics=tuple(dict.fromkeys([metric.name, *suit, *kept])))


def _searched_metric(registry: Registry, task: Task[Any], settings: RunSettings) -> Metric:
    """The metric that the user named, else the task's first; the task's own names go before those of plugins."""
    if settings.metric is None:
        return task.metrics[0]
    try:
        return task.metric(settings.metric)
    except UserError:
        offer = registry.metric(settings.task, task, settings.metric)
    if offer.missing:
        raise PluginError(f"metric {offer.name} {offer.lack}")
    return metric_of(offer)


@dataclass(frozen=True)
class Plan:
    """The models of a run.

    Args:
        candidates: what is searched, the baseline first.
        rows: what became of each model, searched or not.
        uncounted: the baseline's name where it was only added as a yardstick.
    """

    candidates: tuple[Candidate, ...]
    rows: tuple[ModelRow, ...]
    uncounted: str | None


def source(task: Task[Any], settings: RunSettings, folder: Path) -> Source:
    """Where the data comes from: what the user gave, else the task's sample.

    Args:
        task: of the run.
        settings: of the run.
        folder: of the run; what comes through a pipe is put there.
    """
    if settings.data is None:
        if settings.test_data is not None:
            raise SettingsError("--test-data needs --data beside it")
        return task.sample()
    own = (f"--{name.replace('_', '-')}" for name in task.options)
    return Source(
        kept(settings.data, folder / "data"),
        kept(settings.test_data, folder / "test_data"),
        settings.encoding,
        settings.on_bad_rows,
        options=(*ENCODING_ALONE, "--on-bad-rows", *own),
    )


def choose_models(registry: Registry, settings: RunSettings, baseline: str) -> dict[str, ModelOffer]:
    """The models asked for, the baseline first.

    Raises:
        UnknownName: a model is named that is not on offer.
        SettingsError: hyperparameters are set of a model that is not searched.
    """
    offers = registry.models(settings.task)
    wanted = {name: registry.model(settings.task, name) for name in settings.models} or dict(offers)
    for name in settings.without:
        if name not in offers:
            raise UnknownName("model", name, offers, f"workbench models --task {settings.task}")
        wanted.pop(name, None)
    if settings.models and not wanted:
        raise SettingsError(f"--models {','.join(settings.models)} and --without leave no model to try")
    chosen = {baseline: registry.model(settings.task, baseline), **wanted}
    for key in settings.fixed:
        model = key.partition(".")[0]
        if model not in chosen:
            raise SettingsError(f"--set {key}: {model!r} is not among the models of this run: {', '.join(chosen)}")
    return chosen


def plan(
    pool: Pool,
    offers: Mapping[str, ModelOffer],
    settings: RunSettings,
    budget: Budget,
    train: Any,
    baseline: str,
    check: Callable[[], None] = lambda: None,
    scored: Collection[str] = (),
) -> Plan:
    """Have every model described, and leave out what cannot be searched, with the reason.

    Models that have scored before, in the run that is resumed, are affordable whatever they say.

    Raises:
        PluginError: a model that the user named, or the baseline, cannot be used.
        SettingsError: a hyperparameter is set that a model does not have.
    """
    loads = {name: offer.spec.load for name, offer in offers.items() if not offer.missing}
    patience = max(DESCRIBE_LEAST, DESCRIBE_SHARE * budget.left) if budget.bounded else DESCRIBE_SECONDS
    seconds = {name: DESCRIBE_SECONDS if name == baseline else min(DESCRIBE_SECONDS, patience) for name in loads}
    descriptions = describe(pool, loads, train.shape, seconds, check)
    limit = worker_memory(settings)
    folds = settings.folds or 1
    insisted = {*settings.models, baseline}
    candidates, rows = [], []
    for name, offer in offers.items():
        description = descriptions.get(name) or Description(name, error=offer.lack)
        state, reason = ("failed" if name in loads else "skipped"), description.error
        if not reason:
            known = name in insisted or name in scored
            state, reason = "skipped", _obstacle(description, train.provides, limit, budget, known, folds)
        if reason and name in insisted:
            raise PluginError(f"model {name} cannot be used: {reason}")
        rows.append(_row(offer, description, state if reason else "searched", reason))
        if not reason:
            own = {key.partition(".")[2]: value for key, value in settings.fixed.items() if key.startswith(f"{name}.")}
            study = ModelStudy(name, description, own, settings.seed)
            cost = description.estimate[0] if description.estimate else _UNKNOWN_COST
            candidates.append(Candidate(name, offer.spec.load, folds * cost, study))
    added = (bool(settings.models) and baseline not in settings.models) or baseline in settings.without
    return Plan(tuple(candidates), tuple(rows), baseline if added else None)


def check_device(pool: Pool, setting: str, check: Callable[[], None]) -> None:
    """Make sure that the device the user named is there, as a worker sees it: the owner imports no torch.

    Raises:
        SettingsError: it is not there.
        Interrupted: by `check`.
    """
    devices.allowed()
    if not setting.startswith("cuda"):
        return
    pool.submit(Locate("device"), time.monotonic() + DESCRIBE_SECONDS)
    while True:
        check()
        for event in pool.events(timeout=0.25):
            if isinstance(event, Location):
                if event.error:
                    raise SettingsError(event.error)
                return


def cross_validated(split: Split[Any], folds: int | None) -> Split[Any]:
    """A split whose train and valid are cut into folds is another one, and has boards of its own."""
    if folds is None:
        return split
    return replace(split, identity=f"{split.identity} folds={folds}", summary=f"{split.summary} · {folds} folds")


def worker_memory(settings: RunSettings) -> int:
    """The most private memory of a worker, bytes: as the user said, else its share of what is free."""
    return settings.memory or machine_memory() // settings.worker_count


def _row(offer: ModelOffer, description: Description, state: str, reason: str) -> ModelRow:
    seconds, size = description.estimate or (None, None)
    return ModelRow(
        model=offer.name,
        plugin=offer.plugin.distribution,
        version=offer.plugin.version,
        state=state,
        reason=reason,
        space=description.space,
        estimated_seconds=seconds,
        estimated_bytes=None if size is None else int(size),
    )


def describe(
    pool: Pool,
    loads: Mapping[str, str],
    shape: Mapping[str, int],
    seconds: Mapping[str, float],
    check: Callable[[], None],
) -> dict[str, Description]:
    """Have workers describe models; one that kills its worker or takes longer than its seconds, by that.

    Raises:
        Interrupted: by `check`.
    """
    waiting = list(loads)
    found: dict[str, Description] = {}
    while len(found) < len(loads):
        while waiting and pool.idle:
            name = waiting.pop(0)
            pool.submit(Describe(name, loads[name], shape), deadline=time.monotonic() + seconds[name])
        check()
        events = pool.events(timeout=0.25)
        check_can_go_on(events)
        for event in events:
            if isinstance(event, Description):
                found[event.id] = event
    return found


def _obstacle(
    description: Description, provides: set[str], limit: int, budget: Budget, insisted: bool, folds: int
) -> str:
    """Why a described model is not searched, or an empty string."""
    lacking = sorted(set(description.needs) - provides)
    if lacking:
        return f"needs {', '.join(lacking)}, which the data does not have"
    if description.estimate is None or insisted:  # an estimate is rough, and the user has said more
        return ""
    seconds, size = folds * description.estimate[0], description.estimate[1]
    if size > limit:
        return f"estimated {size / 2**20:,.0f} MiB of memory, a worker may use {limit / 2**20:,.0f} MiB"
    if seconds > AFFORDABLE_SHARE * budget.left:
        return f"estimated {seconds:,.1f} s a trial, {budget.left:,.1f} s are left"
    return ""
