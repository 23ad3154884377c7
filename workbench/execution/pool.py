"""The pool of worker processes: `submit`, `events`, `cancel`, `close`.

A worker lives across trials and is replaced when it crashes, overruns its deadline or its memory. None of
that reaches the caller but as the `Result` of the trial that caused it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from workbench.errors import CannotGoOn
from workbench.execution import child, leftovers, messages, work
from workbench.execution.memory import private_memory
from workbench.execution.originals import DATA_CHANGED, Originals
from workbench.printable import printable
from workbench.shortage import NO_ROOM, is_full, with_remedy

POLL_SECONDS = 0.1

ENDING_SECONDS = 1.0
"""Seconds that a worker has to exit by itself once its pipe is closed, before it is killed."""

UNREAD = 1_000
"""Messages of all workers that may wait for the owner; a worker that posts more has to wait itself."""


def check_can_go_on(events: Iterable[work.Event]) -> None:
    """Make sure that what comes after these answers has a chance.

    Raises:
        CannotGoOn: a disk is full, or the data is not what it was.
    """
    for event in events:
        reason = event.reason if isinstance(event, work.Result) else getattr(event, "error", "")
        if reason.startswith(NO_ROOM):
            raise CannotGoOn(with_remedy(reason))
        if reason.startswith(DATA_CHANGED):
            raise CannotGoOn(reason)


@dataclass(frozen=True)
class _End:
    """A worker's answers have ended.

    Args:
        fault: what it wrote that was no answer; empty if it has just ended.
    """

    fault: str = ""


@dataclass
class _Worker:
    """One worker process and what it is busy with."""

    process: subprocess.Popen[bytes]
    slot: int
    mark: str
    last_words: child.LastWords = field(default_factory=child.LastWords)
    question: work.Work | None = None
    deadline: float | None = None
    peak_memory: int = 0
    ending: tuple[work.State, str] | None = None
    kill_at: float = 0.0
    gone: bool = False
    unsent: bytearray = field(default_factory=bytearray)
    reports: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def usable(self) -> bool:
        return self.question is None and self.ending is None and self.alive


class Pool:
    """Worker processes for one run.

    Args:
        setup: what every worker is told first.
        size: how many workers.
        memory: the most private memory of one, bytes; None for no limit.
        grace: seconds between asking a worker to end and killing it.
        program: the module that a worker runs.
    """

    def __init__(
        self,
        setup: work.Setup,
        size: int,
        memory: int | None = None,
        grace: float = 5.0,
        program: str = "workbench.execution.worker",
    ) -> None:
        self.setup = setup
        self.size = size
        self.memory = memory
        self.grace = grace
        self.program = program
        self._originals = Originals()
        self._workers: list[_Worker] = []
        self._inbox: queue.Queue[tuple[_Worker, work.Event | _End]] = queue.Queue(UNREAD)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def idle(self) -> int:
        """How many questions can be submitted now."""
        return self.size - self.busy

    @property
    def busy(self) -> int:
        """How many questions are not answered yet."""
        return sum(worker.question is not None for worker in self._workers)

    def start(self) -> None:
        """Start all workers now, so that they import while the caller does something else."""
        while len(self._workers) < self.size:
            self._spawn()

    def protect(self, folder: Path) -> None:
        """From now on no model may change the files that are below this folder."""
        self._originals.add(folder)

    def submit(self, question: work.Work, deadline: float | None = None) -> None:
        """Hand a question to an idle worker.

        Args:
            question: what is asked.
            deadline: the `time.monotonic()` at which the worker is stopped; None for never.
        """
        worker = next((each for each in self._workers if each.usable), None)
        if worker is None:
            self._workers = [each for each in self._workers if each.question is not None]
            worker = self._spawn()
        worker.question, worker.deadline = question, deadline
        worker.peak_memory, worker.ending, worker.reports = 0, None, 0
        self._write(worker, question)

    def reply(self, verdict: work.Verdict) -> None:
        """Tell a busy worker what the search says to what it reported; nothing if it is busy with it no more."""
        for worker in self._workers:
            if worker.question is not None and worker.question.id == verdict.id:
                self._write(worker, verdict)

    def events(self, timeout: float) -> list[work.Event]:
        """What happened, waiting up to `timeout` seconds for the first thing."""
        found: list[work.Event] = []
        give_up = time.monotonic() + timeout
        while not found:
            self._watch()
            wait = min(POLL_SECONDS, max(0.0, give_up - time.monotonic()))
            with contextlib.suppress(queue.Empty):
                found += self._event(*self._inbox.get(timeout=wait))
                for _ in range(self._inbox.qsize()):  # and no more, however fast others come
                    found += self._event(*self._inbox.get_nowait())
            if not self.busy or time.monotonic() >= give_up:
                break
        return [self._blamed(event) for event in found]

    def cancel(self, reason: str) -> None:
        """Stop everything that is running; each question is answered as `cancelled`."""
        for worker in self._workers:
            if worker.question is not None and worker.ending is None:
                self._end(worker, "cancelled", reason)

    def close(self) -> None:
        """End every worker and what it started."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                if worker.process.stdin:
                    worker.process.stdin.close()
            child.send(worker.process)
        for worker in self._workers:
            worker.process.wait()
            leftovers.stop(worker.mark)
            give_up = time.monotonic() + child.LAST_WORDS_SECONDS
            for thread in worker.threads:
                while thread.is_alive() and time.monotonic() < give_up:
                    self._forget_unread()  # it may be waiting to post more
                    thread.join(timeout=0.01)
        self._forget_unread()
        self._workers = []

    def _forget_unread(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._inbox.get_nowait()

    def _spawn(self) -> _Worker:
        limits = {
            name: str(self.setup.threads)
            for name in (
                "OMP_NUM_THREADS",
                "OPENBLAS_NUM_THREADS",
                "MKL_NUM_THREADS",
                "VECLIB_MAXIMUM_THREADS",
            )
        }
        mark = uuid.uuid4().hex
        temporary = Path(self.setup.folder, "temporary")  # goes with the run, however models leave it
        try:
            temporary.mkdir(exist_ok=True)
        except (FileExistsError, FileNotFoundError) as error:
            raise CannotGoOn(f"{DATA_CHANGED}: {temporary.name}") from error
        own = {leftovers.MARK: mark, "TMPDIR": str(temporary)}
        started = child.start(self.program, self.setup.folder, {**limits, **own})
        taken = {worker.slot for worker in self._workers}
        worker = _Worker(started, next(slot for slot in range(self.size) if slot not in taken), mark)
        for target, argument in ((self._read_answers, worker), (worker.last_words.read, started)):
            thread = threading.Thread(target=target, args=(argument,), daemon=True)
            thread.start()
            worker.threads.append(thread)
        assert started.stdin is not None
        os.set_blocking(started.stdin.fileno(), False)
        self._workers.append(worker)
        self._write(worker, replace(self.setup, slot=worker.slot))
        return worker

    def _write(self, worker: _Worker, value: work.Setup | work.Work | work.Verdict) -> None:
        worker.unsent += messages.to_line(value)
        self._send_on(worker)

    def _send_on(self, worker: _Worker) -> None:
        """Write as much as a worker's pipe takes now: a worker that has stopped reading must not block the owner."""
        assert worker.process.stdin is not None
        # A worker that is dying cannot read; the end of its answers says so.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while worker.unsent:
                del worker.unsent[: os.write(worker.process.stdin.fileno(), worker.unsent)]

    def _read_answers(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        end = _End()
        try:
            for line in messages.lines(worker.process.stdout):
                self._inbox.put((worker, messages.from_line(line, messages.EVENTS)))
        except messages.MessageError as error:  # what else it writes can no longer be trusted
            end = _End(str(error))
        finally:
            self._inbox.put((worker, end))

    def _event(self, worker: _Worker, event: work.Event | _End) -> list[work.Event]:
        """What one message means, if anything."""
        if isinstance(event, _End) or worker.gone:
            return self._gone(worker, event.fault if isinstance(event, _End) else "")
        question = worker.question
        if isinstance(event, work.Report) and (question is None or event.id != question.id):
            return []  # of a thread that an earlier model has left
        try:
            if question is None or event.id != question.id:
                raise messages.MessageError(f"a {type(event).__name__} that nobody has asked for")
            messages.check_answer(question, event)
            worker.reports += isinstance(event, work.Report)
            if worker.reports > work.MOST_REPORTS:
                raise messages.MessageError(f"more than {work.MOST_REPORTS:,} reports")
        except messages.MessageError as error:
            return self._gone(worker, str(error))
        if isinstance(event, work.Report):
            return [event]
        worker.question = None
        if worker.ending is not None:
            # It answered between being asked to end and ending, and may still end at any moment: it gets no more.
            child.send(worker.process)
            if isinstance(event, work.Result) and event.state != "complete":
                event = replace(event, state=worker.ending[0], reason=worker.ending[1])
        if isinstance(event, work.Result):
            event = replace(event, peak_memory_bytes=max(event.peak_memory_bytes, worker.peak_memory))
        return [event]

    def _blamed(self, event: work.Event) -> work.Event:
        """An answer, or what spoils this one and all that come after it."""
        if isinstance(event, work.Result | work.Weighed) and (path := self._originals.changed()) is not None:
            reason = f"{DATA_CHANGED}: {path.relative_to(self.setup.folder)}"
            if isinstance(event, work.Weighed):
                return work.Weighed(event.id, error=reason)
            return work.Result(event.id, "failed", reason, event.traceback)
        if isinstance(event, work.Result) and event.state == "crashed" and is_full(Path(self.setup.folder)):
            return replace(event, state="failed", reason=f"{NO_ROOM} {Path(self.setup.folder).parent}")
        return event

    def _gone(self, worker: _Worker, fault: str) -> list[work.Event]:
        """A worker's answers have ended, or cannot be trusted: it has died, or does so now."""
        if worker.gone:
            return []
        worker.gone = True
        if not fault and worker.ending is None:
            # Its pipes close before it has ended: killed at once, it would seem to have died of that.
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(ENDING_SECONDS)
        ended = not worker.alive
        child.send(worker.process)
        code = worker.process.wait()
        leftovers.stop(worker.mark)
        worker.threads[1].join(timeout=child.LAST_WORDS_SECONDS)
        if worker in self._workers:
            self._workers.remove(worker)
        if worker.question is None:
            return []
        if worker.ending is not None:
            state, reason = worker.ending
        elif fault:
            state, reason = "crashed", f"wrote on its pipe what is no answer: {fault}"
        elif not ended:
            state, reason = "crashed", "closed the pipe of its answers"
        else:
            state, reason = "crashed", child.cause(code, "ended without a result")
        words = printable(str(worker.last_words))
        question = worker.question
        if isinstance(question, work.Describe):
            return [work.Description(question.id, error=f"its worker {reason}")]
        if isinstance(question, work.Weigh):
            return [work.Weighed(question.id, error=f"its worker {reason}")]
        if isinstance(question, work.Locate):
            return [work.Location(question.id, error=f"the worker that looked for it {reason}")]
        if isinstance(question, work.Check):
            return [work.Checked(question.id, error=f"its process {reason}", words=words)]
        return [work.Result(question.id, state, reason, words, peak_memory_bytes=worker.peak_memory)]

    def _watch(self) -> None:
        """Send what waits to be sent, and stop workers that overrun their deadline or their memory."""
        now = time.monotonic()
        for worker in self._workers:
            self._send_on(worker)
            if worker.question is None:
                continue
            if not worker.alive:
                # Its answers do not end before what it forked, which holds the same pipes, has ended too.
                child.send(worker.process)
                continue
            if worker.ending is not None:
                if now >= worker.kill_at:
                    child.send(worker.process)
                continue
            self._measure(worker)
            if worker.deadline is not None and now >= worker.deadline:
                self._end(worker, "timeout", "stopped at its deadline")
            elif self.memory is not None and worker.peak_memory > self.memory:
                used, limit = worker.peak_memory / 2**20, self.memory / 2**20
                self._end(worker, "memory", f"used {used:,.0f} MiB, the limit is {limit:,.0f} MiB", at_once=True)

    def _measure(self, worker: _Worker) -> None:
        with contextlib.suppress(psutil.Error):
            worker.peak_memory = max(worker.peak_memory, private_memory(worker.process.pid))

    def _end(self, worker: _Worker, state: work.State, reason: str, *, at_once: bool = False) -> None:
        worker.ending = state, reason
        worker.kill_at = time.monotonic() + (0 if at_once else self.grace)
        child.send(worker.process, signal.SIGKILL if at_once else signal.SIGTERM)
