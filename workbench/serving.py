"""Stored models put to use: a trial's fitted model and its run's encoding, read back and checked."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.contract.metric import Evaluation
from workbench.contract.model import Model
from workbench.contract.task import ENCODING_ALONE, ENSEMBLE, Answer, Source, Task
from workbench.data import mapped
from workbench.data.pipes import kept
from workbench.discovery import fault
from workbench.errors import PluginError, StoreError, UserError, WorkbenchError
from workbench.execution import ensembles, scoring
from workbench.registry import Registry, load_class, load_task
from workbench.settings import RunSettings
from workbench.shortage import told
from workbench.store import artifacts, queries
from workbench.store.database import Database

if TYPE_CHECKING:
    import pyarrow as pa

FILES = ("input", "item_table")
"""What of a query may be the path of a file."""

READING = ("encoding", "on_bad_rows", "options")
"""Settings of a run that say how data is read."""


@dataclass(frozen=True)
class Served:
    """A fitted model that answers in the user's own ids.

    Args:
        trial: its id.
        model_name: as on leaderboards.
        task: how to answer.
        model: fitted.
        encoding: of its run.
        settings: those of its run that say how data is read; new data is read in the same way.
        scorers: where the functions of plugins' metrics are, name -> `"package.module:function"`.
        temperature: what its probabilities are to be calibrated by; None where that was not found.
    """

    trial: str
    model_name: str
    task: Task[Any]
    model: Model
    encoding: Any
    settings: RunSettings
    scorers: Mapping[str, str] = field(default_factory=dict)
    temperature: float | None = None

    def calibrated(self) -> Served:
        """The same, with probabilities as sure as they were right on the valid part that the search has scored.

        Raises:
            UserError: it has none, or it is not known how sure they should be.
        """
        if self.temperature is None:
            why = "its task gives no probabilities here, or the trial was stored without a temperature"
            raise UserError(f"trial {self.trial} has nothing to be calibrated by: {why}; predict without --calibrated")
        return replace(self, model=self.task.calibrated(self.model, self.temperature), temperature=None)

    def predict(self, **query: Any) -> pa.Table:
        """The answer alone, such as `predict(users=["42"], k=10)`."""
        return self.answer(query).table

    def evaluate(
        self, data: Any, options: Mapping[str, str] | None = None, encoding: str | None = None
    ) -> tuple[Evaluation, tuple[str, ...]]:
        """Score on new held-out data: (every metric, broken down by groups, and what the user should know).

        Args:
            data: a path or an Arrow-compatible table.
            options: the task's settings, where they differ from those of the run.
            encoding: the text encoding of the data; that of the run's if None.

        Raises:
            DataError: the data cannot be read, or nothing of it can be scored.
        """
        encoding = encoding or self.settings.encoding
        options = {**self.settings.options, **(options or {})}
        with self._answering(), tempfile.TemporaryDirectory(prefix="workbench-pipe-") as folder:
            found = kept(data, Path(folder) / "data")
            source = Source(found, None, encoding, self.settings.on_bad_rows, options=ENCODING_ALONE)
            part, notices = self.task.held_out(source, options, self.encoding)
            names = [*(metric.name for metric in self.task.metrics_for(part)), *self.scorers]
            evaluation, notes = scoring.evaluate(self.task, self.model, part, names, self.scorers, groups=True)
        return evaluation, (*notices, *notes)

    def answer(self, query: Mapping[str, Any]) -> Answer:
        """Answer a query; see the task for what it may hold.

        Its files are in the text encoding of the run's data where it names no `encoding`.
        """
        encoding = query.get("encoding") or self.settings.encoding
        with self._answering(), tempfile.TemporaryDirectory(prefix="workbench-pipe-") as folder:
            files = {name: kept(query[name], Path(folder) / name) for name in FILES if name in query}
            return self.task.answer(self.model, self.encoding, {**query, **files, "encoding": encoding})

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Say of which trial the model is that fails, unless the machine lacks what answering takes."""
        try:
            with told():
                yield
        except WorkbenchError:
            raise
        except Exception as error:
            raise PluginError(
                f"trial {self.trial}: its model {self.model_name} cannot answer, or its stored files are not what was "
                f"fitted: {fault(error)}"
            ) from error


def load(database: Database, trial: str) -> Served:
    """The model of a trial, by its id or an unambiguous prefix.

    Raises:
        UnknownName: no such trial.
        PluginError: a plugin that it needs is not installed, or cannot restore its model.
        StoreError: its model was not kept, or what is stored is damaged.
    """
    row = queries.find_trial(database, trial)
    run = queries.run(database, row["run_id"])
    if row["final_rank"] is None or not artifacts.exists(database, row["run_id"], row["id"], "model"):
        others = ", ".join(artifacts.trials_kept(database, row["run_id"])) or "none"
        raise StoreError(
            f"the fitted model of trial {row['trial']} was not kept; run {row['run_id']} keeps {others} "
            "(see run --keep)"
        )
    registry = Registry.discovered()
    task_offer = registry.stored_task(run["task"], run["plugin"], run["version"])
    task = load_task(task_offer)
    with tempfile.TemporaryDirectory(prefix="workbench-") as name:
        folder = Path(name)
        encoding = _encoding(database, run, task, folder)
        if row["model"] == ENSEMBLE:
            artifacts.get(database, row["run_id"], row["id"], "model", folder / "ensemble")
            weights = ensembles.restore(folder / "ensemble")
            members = [queries.find_trial(database, member) for member in weights]
            for member in members:
                if not artifacts.exists(database, row["run_id"], member["id"], "model"):  # of the same run
                    raise StoreError(f"trial {row['trial']} needs trial {member['trial']}, whose model is not kept")
            models = [
                _restored(database, registry, run, member, folder / f"member-{number}")
                for number, member in enumerate(members)
            ]
            model = task.ensemble(models, list(weights.values()))
        else:
            model = _restored(database, registry, run, row, folder / "model")
    metrics = registry.metrics(task_offer.name, task).values()
    scorers = {offer.name: offer.spec.load for offer in metrics if not offer.missing}
    settings = _reading_settings(database, run)
    return Served(row["trial"], row["model"], task, model, encoding, settings, scorers, row["temperature"])


def _reading_settings(database: Database, run: Mapping[str, Any]) -> RunSettings:
    """The settings of a run that say how data is read; the others may be those of another version."""
    stored = {name: run["settings"][name] for name in READING if name in run["settings"]}
    try:
        return RunSettings.from_mapping({"task": run["task"], **stored})
    except UserError as error:
        raise StoreError(f"{database.name} is damaged: the settings of run {run['run']}: {error}") from error


def _encoding(database: Database, run: Mapping[str, Any], task: Task[Any], folder: Path) -> Any:
    """The encoding of a run, by way of files in `folder`."""
    artifacts.get(database, run["run"], None, "encoding", folder / "encoding")
    try:
        return mapped.read(task.encoding, folder, "encoding", validate=True)
    except Exception as error:  # whatever numpy, Arrow and the task make of what they did not write
        raise StoreError(f"{database.name} is damaged: the encoding of run {run['run']}: {fault(error)}") from error


def _restored(
    database: Database, registry: Registry, run: Mapping[str, Any], row: Mapping[str, Any], folder: Path
) -> Model:
    """The fitted model of one trial, by way of files in `folder`, which is not there yet."""
    # The store holds a name; which class it means is for the installed plugins to say.
    then = queries.version_of(run, row["model"])
    offer = registry.stored_model(run["task"], row["model"], row["plugin"], then)
    if offer.missing:
        raise PluginError(f"model {row['model']} {offer.lack}")
    artifacts.get(database, row["run_id"], row["id"], "model", folder)
    try:
        model: Model = load_class(offer.spec.load).build(row["params"])
        model.restore(folder)
    except Exception as error:
        reason = str(error) if isinstance(error, PluginError) else fault(error)
        stored = "" if offer.plugin.version == then else f"; it was stored by version {then}"
        raise PluginError(f"model {row['model']} of {offer.origin} cannot be restored: {reason}{stored}") from error
    return model
