"""A run on the screen: live in a terminal, plain lines in a pipe. All of it goes to standard error."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workbench.cli.output import figure, params, seconds, table_lines
from workbench.contract.metric import Metric
from workbench.contract.split import Dataset, Split
from workbench.printable import one_line
from workbench.search.trial import Past, Trial
from workbench.settings import RunSettings
from workbench.store.rows import ModelRow
from workbench.wording import counted

SHOWN_TRIALS = 6
REFRESHES = 4
PROGRESS_SECONDS = 10.0
_WIDTHS = (4, 12, 18, 18, 8, 8, 0)
_STAGES = {
    "search": "searching",
    "selection": "comparing the best on more draws",
    "refit": "fitting the best on train and valid",
}


class PlainScreen:
    """A line for each thing that is news.

    Args:
        console: where to print.
        settings: of the run.
        started: `time.monotonic()` when the budget's clock started.
    """

    def __init__(self, console: Console, settings: RunSettings, started: float) -> None:
        self.console, self.settings, self.started = console, settings, started
        self.metric: Metric | None = None
        self.best: Trial | None = None
        self.states: Counter[str] = Counter()
        self.running = 0
        self.seen: set[str] = set()
        self.next_progress = started + PROGRESS_SECONDS

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more will come."""

    def data_read(self, dataset: Dataset[Any], split: Split[Any]) -> None:
        """Say what was read and how it is split."""
        name = "made-up data" if dataset.made_up else dataset.name
        self._fact(name, dataset.report.headline)
        for note in dataset.report.notes:
            self._fact("", note)
        if dataset.made_up:
            self._fact("", f"no --data was given, and task {self.settings.task} finds no sample of real data here")
        self._fact("split", split.summary)
        for at, line in enumerate(split.leakage or ("none found",)):
            self._fact("" if at else "leakage", line)

    def models_settled(self, models: Sequence[ModelRow], metric: Metric) -> None:
        """Say which models are searched, and why others are not."""
        self.metric = metric
        searched = [row for row in models if row.state == "searched"]
        self._fact("models", f"{len(searched)} of {len(models)}: {', '.join(row.model for row in searched)}")
        for row in models:
            if row.state != "searched":
                self._fact("", f"{row.model} {row.state}: {row.reason}")
        better = "larger" if metric.larger_is_better else "smaller"
        self._fact("search", f"{metric.name} on valid, {better} is better · {self._bounds()}")

    def recalled(self, past: Past) -> None:
        """Say what there is from before, and go on counting from there."""
        for trial in past.trials:
            self.count(trial)
            self.seen.add(trial.model)
        if past.last_number:
            again = f" · to be tried once more: {len(past.again)}" * bool(past.again)
            self._fact("goes on", f"{counted(len(past.trials), 'trial')} so far, best {self.leader()}{again}")
        self.console.print()

    def stage(self, name: str) -> None:
        """Say what the run is about to do."""
        if name != "search":
            self._line(f"{self._clock()}  {_STAGES[name]}")

    def trial_started(self, trial: Trial) -> None:
        """Count it."""
        self.running += 1

    def trial_ended(self, trial: Trial) -> None:
        """Say how it ended, if that is news: a model's first, a better one, or a failure; else count it."""
        leader = self.best
        self.running -= 1
        self.count(trial)
        if trial.objective is None or self.best is not leader or trial.model not in self.seen:
            cells = self.cells(trial)
            self._line("  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip())
        elif time.monotonic() >= self.next_progress:
            self._line(f"{self._clock()}  {self.progress()}")
            self.next_progress = time.monotonic() + PROGRESS_SECONDS
        self.seen.add(trial.model)

    def notice(self, text: str) -> None:
        """Say it."""
        self._line(text)

    def count(self, trial: Trial) -> None:
        """Keep what the progress line shows."""
        self.states[trial.state] += 1
        if trial.objective is not None and (self.best is None or trial.objective > (self.best.objective or 0.0)):
            self.best = trial

    def cells(self, trial: Trial) -> tuple[str, ...]:
        """Number, model, score, best so far, fit, score time, hyperparameters or reason."""
        assert self.metric is not None and trial.result is not None
        if trial.objective is None:
            return str(trial.number), trial.model, trial.state, self.leader(), "", "", trial.result.reason
        value = self.metric.objective(trial.objective)
        # An interval that ends where the metric does is shorter on that side.
        spread = f" ± {max(abs(end - value) for end in trial.interval):.3f}" if trial.interval else ""
        return (
            str(trial.number),
            trial.model,
            figure(value) + spread,
            self.leader(),
            seconds(trial.result.fit_seconds),
            seconds(trial.result.score_seconds),
            params(trial.params, trial.model),
        )

    def leader(self) -> str:
        """The best so far."""
        if self.best is None or self.metric is None:
            return "-"
        return f"{self.best.model} {figure(self.metric.objective(self.best.objective or 0.0))}"

    def progress(self) -> str:
        """Trials by state, and the best so far."""
        done = self.states["complete"] + self.states["pruned"]
        parts = [f"{done} done", f"{self.running} running"]
        parts += [f"{count} {state}" for state, count in self.states.items() if state not in ("complete", "pruned")]
        return " · ".join([*parts, f"best {self.leader()}"])

    def _fact(self, label: str, text: str) -> None:
        self._line(f"{label:<12}  {text}")

    def _line(self, text: str) -> None:
        self.console.print(Text(one_line(text)), soft_wrap=True)

    def _bounds(self) -> str:
        workers, threads = self.settings.worker_count, self.settings.thread_count
        parts = [f"{counted(workers, 'worker')}, {counted(threads, 'thread')} each"]
        if self.settings.time is not None:
            parts.append(seconds(self.settings.time))
        if self.settings.trials is not None:
            parts.append(counted(self.settings.trials, "trial"))
        return " · ".join(parts)

    def _clock(self) -> str:
        elapsed = _minutes(time.monotonic() - self.started)
        return elapsed if self.settings.time is None else f"{elapsed} / {_minutes(self.settings.time)}"


class LiveScreen(PlainScreen):
    """The last trials, and a line with the time left, trials by state and the best so far, drawn anew."""

    def __init__(self, console: Console, settings: RunSettings, started: float) -> None:
        super().__init__(console, settings, started)
        self.recent: deque[tuple[str, ...]] = deque(maxlen=SHOWN_TRIALS)
        self.now = ""
        self._live: Live | None = None

    def close(self) -> None:
        """Take the live part off the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def stage(self, name: str) -> None:
        """Show what the run does now."""
        self.now = _STAGES[name]
        if self._live is None:
            self._live = Live(
                get_renderable=self.render, console=self.console, refresh_per_second=REFRESHES, transient=True
            )
            self._live.start()

    def trial_ended(self, trial: Trial) -> None:
        """Show it among the last ones; a failure stays on the screen."""
        self.running -= 1
        self.count(trial)
        if trial.objective is None and trial.state not in ("pruned", "cancelled"):
            reason = trial.result.reason if trial.result else ""
            self._line(f"trial {trial.number}: {trial.model} {trial.state}: {reason}")
        self.recent.append(self.cells(trial))

    def render(self) -> Group:
        """The live part."""
        columns = ("trial", "model", self.metric.name if self.metric else "", "best so far", "fit", "score", "params")
        rows = [dict(zip(columns, cells, strict=True)) for cells in list(self.recent)]
        header, *lines = table_lines(rows, columns, self.console.width)
        parts = [self._clock(), self.progress(), self.now]
        line = Table.grid(padding=(0, 1))
        line.add_row(self._bar(), Text(one_line(" · ".join(parts)), no_wrap=True, overflow="ellipsis"))
        return Group(Text(header, style="bold"), *map(Text, lines), Text(), line)

    def _bar(self) -> ProgressBar:
        if self.settings.time is not None:
            return ProgressBar(total=self.settings.time, completed=time.monotonic() - self.started, width=28)
        return ProgressBar(total=self.settings.trials, completed=sum(self.states.values()), width=28)


def _minutes(value: float) -> str:
    return f"{int(value) // 60}:{int(value) % 60:02d}"
