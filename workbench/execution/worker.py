"""The worker process: `python -m workbench.execution.worker`.

It reads questions and answers them one at a time. Whatever a model prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from workbench import space as spaces
from workbench.contract import devices
from workbench.contract.context import Context
from workbench.contract.metric import Evaluation
from workbench.contract.model import Model
from workbench.errors import ModelError, Pruned, SettingsError
from workbench.execution import child, ensembles, messages, scoring, shared, values, work
from workbench.execution.clock import Clock
from workbench.execution.reporting import Reporter
from workbench.registry import load_class
from workbench.shortage import no_room


def main() -> None:
    """Fit and score models until standard input ends."""
    serve(TrialDesk)


def serve(open_desk: Callable[[work.Setup, BinaryIO], Desk]) -> None:
    """Answer questions until standard input ends; what every program that a `Pool` starts does."""
    questions, answers = child.settle()
    setup = messages.from_line(questions.readline(), messages.ORDERS)
    inbox: queue.SimpleQueue[work.Work] = queue.SimpleQueue()
    desk = open_desk(setup, answers)
    threading.Thread(target=_receive, args=(questions, inbox, desk.verdicts), daemon=True).start()
    while True:
        desk.answer(inbox.get())


class Desk:
    """Answers questions one at a time.

    Args:
        setup: what holds for all of them.
        answers: where answers go.
    """

    def __init__(self, setup: work.Setup, answers: BinaryIO) -> None:
        self.setup = setup
        self.answers = answers
        self.verdicts: queue.SimpleQueue[work.Verdict] = queue.SimpleQueue()
        self.environment = dict(os.environ)
        self.home = Path.cwd()

    def answer(self, question: work.Work) -> None:
        """Answer one question; whatever the model does short of killing the process is an answer too."""
        self._fresh_start(question)
        answer = self.ways()[type(question)](question)
        with contextlib.suppress(Exception):  # a model may have closed or replaced them
            sys.stdout.flush()
            sys.stderr.flush()
        self._send(answer)

    def ways(self) -> Mapping[type, Callable[[Any], work.Event]]:
        """How each kind of question is answered."""
        raise NotImplementedError

    def _send(self, answer: work.Event) -> None:
        self.answers.write(messages.to_line(answer))
        self.answers.flush()

    def _fresh_start(self, question: work.Work) -> None:
        """Undo what an earlier model may have changed in this process."""
        import numpy as np

        os.chdir(self.home)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # A line at a time, so that the last words of a model that crashes are kept; closing them closes no descriptor.
        sys.stdout, sys.stderr = map(_line_by_line, (1, 2))
        seed = question.seed if isinstance(question, work.Fit) else 0
        random.seed(seed)
        np.random.seed(seed)


class TrialDesk(Desk):
    """Answers what a run asks about the models of its task."""

    def __init__(self, setup: work.Setup, answers: BinaryIO) -> None:
        super().__init__(setup, answers)
        self.folder = Path(setup.folder)
        self.task = load_class(setup.task)()
        self.parts: dict[str, Any] = {}
        self.warm: set[type] = set()

    def ways(self) -> Mapping[type, Callable[[Any], work.Event]]:
        return {
            work.Describe: self._describe,
            work.Locate: self._locate,
            work.Fit: self._fit,
            work.Weigh: self._weigh,
        }

    def _describe(self, question: work.Describe) -> work.Description:
        try:
            model = load_class(question.load)
            if not (isinstance(model, type) and issubclass(model, Model)):
                return work.Description(question.id, error=f"{question.load} is no subclass of workbench.Model")
            estimate = model.estimate(question.shape)
            if estimate is not None and not all(scoring.is_finite(value) and 0 <= value < 2**63 for value in estimate):
                raise ModelError(f"{model.__name__}.estimate gives {estimate!r}; (seconds, bytes) are needed")
            hyperparameters, space = model.hyperparameters(), spaces.to_json(model.space_for(question.shape))
            starts = tuple(dict(start) for start in model.starts)
            for name, default in hyperparameters.items():
                messages.check_storable(default, f"{model.__name__}.{name}")
            messages.check_storable([space, *starts], f"the space of {model.__name__}")
            description = work.Description(
                question.id,
                hyperparameters=hyperparameters,
                space=space,
                starts=starts,
                needs=tuple(sorted(model.needs)),
                estimate=None if estimate is None else (float(estimate[0]), float(estimate[1])),
            )
            messages.from_line(
                messages.to_line(description), messages.EVENTS
            )  # so that what cannot be told is the model's own fault
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any fault of a plugin is an answer
            return work.Description(question.id, error=no_room(error, self.folder.parent) or work.reason(error))
        return description

    def _locate(self, question: work.Locate) -> work.Location:
        try:
            return work.Location(question.id, devices.pick(self.setup.device, self.setup.slot))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - torch may fail in any way
            known = isinstance(error, SettingsError)
            return work.Location(question.id, error=str(error) if known else work.reason(error))

    def _fit(self, question: work.Fit) -> work.Result:
        clock = Clock()
        try:
            scored, found = self._fit_and_score(question, clock)
            evaluation = scoring.mean(scored)
            wrong = {name: value for name, value in evaluation.metrics.items() if not scoring.is_finite(value)}
            if wrong or question.metrics[0] not in evaluation.metrics:
                name, value = next(iter(wrong.items()), (question.metrics[0], None))
                return clock.result(question.id, "invalid", f"{name} is {value!r}; a finite number is needed")
            values.keep(self.folder, question.id, scored, question.metrics[0])
        except Pruned as stop:
            return clock.result(question.id, "pruned", str(stop) or "the search asked it to stop")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any fault of a plugin fails its trial alone
            full = no_room(error, self.folder.parent)
            state = "failed" if full else _state(error)
            return clock.result(question.id, state, full or work.reason(error), traceback.format_exc())
        return clock.result(
            question.id,
            "complete",
            metrics={name: float(value) for name, value in evaluation.metrics.items()},
            intervals=scoring.intervals(scored, self.task),
            groups=evaluation.groups,
            mistakes=evaluation.mistakes,
            **found,
        )

    def _weigh(self, question: work.Weigh) -> work.Weighed:
        try:
            return ensembles.weigh(self.task, self.folder, question, self._part, self.setup.scorers)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - models can do without each other
            return work.Weighed(question.id, error=no_room(error, self.folder.parent) or work.reason(error))

    def _fit_and_score(self, question: work.Fit, clock: Clock) -> tuple[list[Evaluation], dict[str, Any]]:
        """Fit and score on every fold; the evaluations, and what else there is to say in the result."""
        scored, notes, epochs = [], [], []
        calibration: float | None = None
        searched = question.metrics[0]
        for fold, (train, score) in enumerate(question.parts):
            part = self._part(score)
            if question.restore or question.members:
                model = self._restored(question)
            else:
                model = load_class(question.load).build(question.params)
                context = self._context(question, model, train, part, clock, fold)
                with clock.measure("fit"):
                    self._warm_up(model, clock)
                    model.fit(self._part(train), context)
                epochs += [context.best_epochs] if context.best_epochs is not None else []
            with clock.measure("score"):
                evaluation, missing = scoring.evaluate(
                    self.task, model, part, question.metrics, self.setup.scorers, groups=not question.search
                )
            scored.append(evaluation)
            notes += [note for note in missing if note not in notes]
        if question.search:
            with clock.measure("score"):
                calibration = scoring.temperature(self.task, scored)
        if question.answers:
            values.keep_answers(self.folder, question.id, self.task.answers(model, part, question.metrics))
        if question.save is not None and _is_better(scoring.mean(scored), question):
            folder = Path(question.save)
            folder.mkdir(parents=True)
            model.save(folder)
        return scored, {
            "temperature": calibration,
            "notes": tuple(notes),
            "epochs": round(statistics.median(epochs)) if epochs else None,
            "folds": tuple(float(each.metrics[searched]) for each in scored) if len(scored) > 1 else (),
        }

    def _warm_up(self, model: Model, clock: Clock) -> None:
        """What a library takes to import is no trial's cost: later ones have it for nothing."""
        if type(model) not in self.warm:
            with clock.measure("once"):
                model.warm_up()
            self.warm.add(type(model))

    def _restored(self, question: work.Fit) -> Any:
        """A model that was fitted before, or several that answer together."""
        members = question.members or (
            {"load": question.load, "params": question.params, "folder": question.restore, "weight": 1},
        )
        models = []
        for member in members:
            models.append(load_class(member["load"]).build(member["params"]))
            models[-1].restore(Path(member["folder"]))
        if not question.members:
            return models[0]
        return self.task.ensemble(models, [member["weight"] for member in members])

    def _context(self, question: work.Fit, model: Model, train: str, part: Any, clock: Clock, fold: int) -> Context:
        """What a model is given for one fit; each fold has its share of the time that is left."""
        left = None if question.seconds is None else max(0.0, question.seconds - clock.elapsed)
        deadline = None if left is None else time.monotonic() + left / (question.folds - fold)

        def score() -> float:
            found, _ = scoring.evaluate(self.task, model, part, question.metrics[:1], self.setup.scorers)
            return found.metrics[question.metrics[0]]

        def share(key: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
            with clock.measure("shared"):
                return shared.arrays(self.folder / "shared", f"{question.load} {train} {key}", compute)

        def share_rows(key: str, names: Any, compute: Callable[[Sequence[int]], Any]) -> Any:
            with clock.measure("once"):
                return shared.rows(self.folder / "shared", f"{question.load} {key}", names, compute)

        def use(setting: str) -> str:
            clock.device = devices.pick(setting, self.setup.slot)
            return clock.device

        context = Context(
            seed=question.seed,
            device_setting=self.setup.device,
            threads=self.setup.threads,
            deadline=deadline,
            valid=part if question.search else None,
            model=model,
            larger_is_better=question.larger_is_better,
            fixed_epochs=question.epochs,
            on_device=use,
            on_shared=share,
            on_shared_rows=share_rows,
        )
        if question.reports != "ignored":
            kind = question.reports if fold == 0 else "scored"
            context.on_report = Reporter(question.id, kind, self._send, self.verdicts, score, deadline)
        return context

    def _part(self, name: str) -> Any:
        if name not in self.parts:
            from workbench.data import mapped

            self.parts[name] = mapped.read(self.task.part, self.folder / "parts", name)
        return self.parts[name]


def _state(error: BaseException) -> work.State:
    """How a trial ends that raised this."""
    if isinstance(error, ModelError):
        return "invalid"
    return "memory" if isinstance(error, MemoryError) else "failed"


def _is_better(evaluation: Evaluation, question: work.Fit) -> bool:
    """Whether a fitted model is worth saving."""
    value = evaluation.metrics.get(question.metrics[0])
    if question.better_than is None or not scoring.is_finite(value) or value is None:
        return True
    return value > question.better_than if question.larger_is_better else value < question.better_than


def _receive(
    questions: BinaryIO, inbox: queue.SimpleQueue[work.Work], verdicts: queue.SimpleQueue[work.Verdict]
) -> None:
    try:
        for line in questions:
            message = messages.from_line(line, messages.ORDERS)
            (verdicts if isinstance(message, work.Verdict) else inbox).put(message)
    except messages.MessageError as error:
        os.write(2, f"a question cannot be read: {error}\n".encode(errors="backslashreplace"))
        os._exit(1)
    os._exit(0)


def _line_by_line(descriptor: int) -> TextIO:
    return open(descriptor, "w", 1, "utf-8", "backslashreplace", closefd=False)


if __name__ == "__main__":
    main()
