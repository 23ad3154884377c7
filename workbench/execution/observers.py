"""Telling observers: a process for each, a bounded queue before it, and never a wait but at the end."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from workbench.contract.records import RunRecord, TrialRecord
from workbench.discovery import Plugin
from workbench.execution import child, messages, work
from workbench.printable import printable

QUEUE_LENGTH = 1_000
"""Records that may wait for one observer."""

LAST_WORDS_SECONDS = 1.0
"""Until what a process has said is read, unless something that escaped from it still holds its pipes."""


class Observers:
    """The plugins that hear of a run. Their processes start with the first record.

    Args:
        plugins: all that there are; those that observe are told.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = [plugin for plugin in plugins if plugin.observes]
        self._observers: list[Observer] = []
        self._notes: list[str] = []

    def trial_finished(self, run: RunRecord, trial: TrialRecord) -> None:
        """Tell of a trial that has ended."""
        self._tell("workbench_trial_finished", run, trial)

    def run_finished(self, run: RunRecord) -> None:
        """Tell of the end of the run; never dropped."""
        self._tell("workbench_run_finished", run, None)

    def close(self, seconds: float) -> list[str]:
        """End the processes.

        Args:
            seconds: that they have, all together, for what they were told and have not taken yet.

        Returns:
            For each observer that missed something, a line that says what and why.
        """
        for observer in self._observers:
            observer.say_no_more()
        deadline = time.monotonic() + seconds
        notes = self._notes + [observer.end(deadline) for observer in self._observers]
        self._observers, self._plugins, self._notes = [], [], []
        return [note for note in notes if note]

    def _tell(self, hook: str, run: RunRecord, trial: TrialRecord | None) -> None:
        while self._plugins:
            plugin = self._plugins.pop(0)
            try:
                self._observers.append(Observer(plugin))
            except OSError as error:
                self._notes.append(f"{_called(plugin)}: its process could not be started: {error}")
        if not self._observers:
            return
        told = {"hook": hook, "run": asdict(run), "trial": None if trial is None else asdict(trial)}
        line = json.dumps(told).encode() + b"\n"
        for observer in self._observers:
            if hook in observer.plugin.observes:
                observer.tell(line, droppable=trial is not None)


class Observer:
    """One plugin's process.

    Args:
        plugin: that observes.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self._process = child.start("workbench.execution.observer", Path.cwd())
        self._last_words = child.LastWords()
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sent = self._dropped = 0
        self._answers: list[str] = []
        self._threads = [
            threading.Thread(target=target, args=(self._process,), daemon=True)
            for target in (self._write, self._read, self._last_words.read)
        ]
        for thread in self._threads:
            thread.start()
        self._queue.put(json.dumps({"name": plugin.name, "value": plugin.entry}).encode() + b"\n")

    def tell(self, line: bytes, *, droppable: bool) -> None:
        """Queue a record, or drop it where the queue is full."""
        if droppable and self._queue.qsize() >= QUEUE_LENGTH:
            self._dropped += 1
            return
        self._sent += 1
        self._queue.put(line)

    def say_no_more(self) -> None:
        """Nothing more will come: the process ends when it has taken what is there."""
        self._queue.put(None)

    def end(self, deadline: float) -> str:
        """Kill it and all it started if it has not ended by the deadline; returns what it missed, if anything."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        code = self._process.poll()
        child.send(self._process)
        self._process.wait()
        give_up = time.monotonic() + LAST_WORDS_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))
        return self._missed(code)

    def _missed(self, code: int | None) -> str:
        """What was missed and why; `code` is that with which it ended by itself."""
        failures, missed = [answer for answer in self._answers if answer], []
        if failures:
            missed.append(f"{len(failures)} of {self._sent} calls failed, the first with {failures[0]}")
        if self._dropped:
            missed.append(f"{self._dropped} records were dropped, since {QUEUE_LENGTH:,} were waiting")
        untaken = self._sent - len(self._answers)
        if untaken:
            why = "it was stopped" if code is None else f"it {child.cause(code, 'ended')}"
            words = printable(str(self._last_words)).strip().splitlines()
            said = f": {words[-1]}" if code and words else ""
            missed.append(f"{untaken} of {self._sent} records were not taken before {why}{said}")
        return f"{_called(self.plugin)}: {'; '.join(missed)}"[: work.REASON_KEPT] if missed else ""

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        while (line := self._queue.get()) is not None:
            with contextlib.suppress(OSError):  # one that has died takes no more; how much that was is counted
                process.stdin.write(line)
                process.stdin.flush()
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError, RecursionError):  # what is no text in JSON is no answer either
            for line in messages.lines(process.stdout):
                answer = json.loads(line)
                if not isinstance(answer, str) or len(self._answers) == self._sent:
                    return
                self._answers.append(printable(answer[: work.REASON_KEPT]))


def _called(plugin: Plugin) -> str:
    return f"observer {plugin.name} of {plugin.distribution} {plugin.version}"
