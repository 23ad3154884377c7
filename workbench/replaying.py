"""A trial done again from its row: the same data, split, settings, seed and threads; equal or not, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.contract.task import ENSEMBLE
from workbench.errors import DataError, UserError
from workbench.execution.pool import Pool, check_can_go_on
from workbench.execution.work import Fit, Result, Setup
from workbench.folders import run_folder
from workbench.parts import divide, lay_out
from workbench.planning import ask, source, suited, worker_memory
from workbench.recording import versions
from workbench.registry import Registry
from workbench.search.budget import MAX_GRACE
from workbench.settings import RunSettings
from workbench.store import queries
from workbench.store.database import Database

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Replayed:
    """What came of doing a trial again.

    Args:
        trial: its id, as leaderboards print it.
        model: of the trial.
        state: how it ended this time.
        reason: why, unless complete.
        metrics: name -> (what is stored, what came now), on the search's own draw of valid; None where it is missing.
        changed: what is another version now than then: name -> (then, now).
    """

    trial: str
    model: str
    state: str
    reason: str
    metrics: Mapping[str, tuple[float | None, float | None]]
    changed: Mapping[str, tuple[str | None, str | None]]

    @property
    def equal(self) -> bool:
        """Whether every metric has come out as it is stored, to the last bit."""
        return self.state == "complete" and all(then == now for then, now in self.metrics.values())


def replay(database: Database, trial: str, data: Any = None, test_data: Any = None) -> Replayed:
    """Fit and score a trial's model again as the search did.

    Args:
        database: where the trial is.
        trial: its id, or the beginning of it.
        data: where the run's data is now; None for where it was.
        test_data: the same for its test part.

    Raises:
        UserError: there is no such trial, it has no result, or its data cannot be found.
        CannotGoOn: a disk is full, or the files of the data have changed meanwhile.
    """
    row = queries.trial(database, trial)
    run = queries.run(database, row["run"])
    if row["model"] == ENSEMBLE:
        members = ", ".join(member[:8] for member in row["params"])
        raise UserError(f"trial {row['trial']} is an ensemble and has no fit of its own; replay its members: {members}")
    if not row["valid"]:
        raise UserError(f"trial {row['trial']} has no result to compare with: {row['state']} {row['reason']}".strip())
    settings = _settings(run, row, data, test_data)
    registry = Registry.discovered(settings.no_plugin)
    then = queries.version_of(run, row["model"])
    task = registry.stored_task(run["task"], run["plugin"], run["version"])
    offer = registry.stored_model(run["task"], row["model"], row["plugin"], then)
    # The other models of the run need not be installed any more.
    question = ask(registry, replace(settings, task=task.name, models=(), without=(), fixed={}))
    with run_folder() as folder:
        setup = Setup(str(folder), question.offer.spec.load, row["threads"], settings.device, question.scorers)
        dataset = question.task.read(source(question.task, settings, folder), question.options)
        if dataset.fingerprint != run["fingerprint"]:
            raise DataError(f"{dataset.name}: this is not the data of run {row['run']}; say where that is with --data")
        question = suited(question, settings, dataset.data)
        split, _ = divide(dataset, question, settings)
        if split.identity != run["split"]:
            raise DataError(f"run {row['run']} was split {run['split']!r}, now it is {split.identity!r}")
        lay_out(folder, question, settings, dataset, split)
        asked = Fit(
            "replay",
            offer.spec.load,
            row["params"],
            row["seed"],
            "train",
            "valid",
            question.metrics,
            search=True,
            folds=settings.folds or 1,
        )
        with Pool(setup, 1, worker_memory(settings), MAX_GRACE) as pool:
            pool.submit(asked)
            result = _result(pool)
    return Replayed(
        row["trial"],
        row["model"],
        result.state,
        result.reason,
        {
            name: (row["valid"].get(name, {}).get("value"), result.metrics.get(name))
            for name in dict.fromkeys([*row["valid"], *result.metrics])
        },
        _changed(
            {run["plugin"]: run["version"], row["plugin"]: then, **run["versions"]},
            {task.plugin.distribution: task.plugin.version, row["plugin"]: offer.plugin.version, **versions()},
        ),
    )


def _settings(run: Mapping[str, Any], row: Mapping[str, Any], data: Any, test_data: Any) -> RunSettings:
    """Those of the run, with one worker that has as many threads as the trial's had."""
    moved = {key: value for key, value in (("data", data), ("test_data", test_data)) if value is not None}
    settings = RunSettings.from_mapping({**run["settings"], **moved, "workers": 1, "threads": row["threads"]})
    gone = settings.gone()
    if gone is not None:
        key, how = gone
        flag = f"--{key.replace('_', '-')}"
        raise UserError(f"run {row['run']} was given its {key} {how}; say where it is now: {flag} FILE")
    return settings


def _result(pool: Pool) -> Result:
    while True:
        events = pool.events(POLL_SECONDS)
        check_can_go_on(events)
        for event in events:
            if isinstance(event, Result):
                return event


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = dict.fromkeys([*then, *now])
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}
