"""Each model breaks one rule; `Good` breaks none."""

import ctypes
import errno
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from workbench import Model, Pruned
from workbench.space import Float, Int


class Good(Model):
    """Popularity with noise, drawn from all the generators that others may have disturbed."""

    noise: float = 0.0
    space = {"noise": Float(0.0, 1.0)}

    def fit(self, train, context):
        self.scores_ = np.bincount(train.items, minlength=train.n_items).astype(np.float32)
        self.scores_ += self.noise * np.random.random(train.n_items).astype(np.float32)
        self.scores_ += self.noise * random.random()
        self.scores_ += self.noise * context.rng.random(train.n_items).astype(np.float32)

    def score_histories(self, histories):
        return np.broadcast_to(self.scores_, histories.shape)


class Raises(Good):
    message: str = "out of order"

    def fit(self, train, context):
        raise RuntimeError(self.message)


class RaisesInScore(Good):
    def score_histories(self, histories):
        raise KeyError("no such user")


class RaisesWithoutWords(Good):
    def fit(self, train, context):
        class Wordless(Exception):
            def __str__(self):
                raise ValueError("no words either")

        raise Wordless


class SysExits(Good):
    def fit(self, train, context):
        sys.exit(0)


class Exits(Good):
    code: int = 0

    def fit(self, train, context):
        print("last words", file=sys.stderr, flush=True)
        os._exit(self.code)


class RaisesBeyondExceptions(Good):
    def fit(self, train, context):
        raise GeneratorExit("last words")


class ClosesItsPipes(Good):
    def fit(self, train, context):
        print("last words", file=sys.stderr, flush=True)
        os.closerange(3, 64)
        time.sleep(600)


class Segfaults(Good):
    def fit(self, train, context):
        print("about to read nothing", flush=True)
        ctypes.string_at(0)


class Hangs(Good):
    """A busy loop that ignores the polite request."""

    mark: str = ""

    def fit(self, train, context):
        if self.mark:
            write(self.mark, os.getpid())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass


class HoldsTheInterpreter(Good):
    """A call into C that lets no other thread of Python run, and so no handler either."""

    mark: str = ""

    def fit(self, train, context):
        signal.signal(signal.SIGTERM, lambda *_: None)
        if self.mark:
            write(self.mark, os.getpid())
        sum(range(10**15))


class Waits(Good):
    """Sleeps until it is stopped, and leaves its process id where `mark` says."""

    mark: str = ""

    def fit(self, train, context):
        if self.mark:
            write(self.mark, os.getpid())
        time.sleep(600)


class ExitsPolitely(Good):
    """Turns the request to end into an exception."""

    def fit(self, train, context):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("as you wish"))
        time.sleep(600)


class FinishesLate(Good):
    """Notes that it was asked to end, and finishes all the same."""

    def fit(self, train, context):
        asked = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: asked.set())
        while not asked.is_set():
            time.sleep(0.01)
        super().fit(train, context)


class LeavesGrandchild(Good):
    mark: str = ""

    def fit(self, train, context):
        child = subprocess.Popen(["sleep", "600"])
        write(self.mark, child.pid)
        super().fit(train, context)


class LeavesItInASession(Good):
    """A child in a session of its own, as a daemon is."""

    mark: str = ""

    def fit(self, train, context):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        write(self.mark, child.pid)
        super().fit(train, context)


class DiesAndLeavesItInASession(LeavesItInASession):
    def fit(self, train, context):
        super().fit(train, context)
        os._exit(3)


class LeavesTemporaryFiles(Good):
    mark: str = ""

    def fit(self, train, context):
        write(self.mark, tempfile.mkdtemp())
        super().fit(train, context)


class LeavesGrandchildAndHangs(LeavesGrandchild):
    def fit(self, train, context):
        super().fit(train, context)
        time.sleep(600)


class DiesWithAForkLeft(Good):
    """As a crash amid multiprocessing: the child holds all pipes of its parent."""

    mark: str = ""

    def fit(self, train, context):
        child = os.fork()
        if not child:
            time.sleep(600)
            os._exit(0)
        write(self.mark, child)
        os.kill(os.getpid(), signal.SIGSEGV)


class Allocates(Good):
    mebibytes: int = 2000

    def fit(self, train, context):
        self.kept = []
        for _ in range(self.mebibytes // 10):
            self.kept.append(np.ones(10 * 2**17))
            time.sleep(0.02)
        super().fit(train, context)


class RaisesMemoryError(Good):
    def fit(self, train, context):
        raise MemoryError("no room")


class Scores(Good):
    """Gives what `kind` says instead of scores."""

    kind: str = "nan"

    def score_histories(self, histories):
        match self.kind:
            case "nan":
                return np.full(histories.shape, np.nan, dtype=np.float32)
            case "one nan":
                scores = np.ones(histories.shape, dtype=np.float32)
                scores[:, 3] = np.nan
                return scores
            case "wrong shape":
                return np.ones((histories.shape[0], histories.shape[1] + 1))
            case "string":
                return "the best items"
            case "strings":
                return np.full(histories.shape, "best")
            case "none":
                return None
            case "list":
                return [[1.0] * histories.shape[1]] * histories.shape[0]
            case "complex":
                return np.ones(histories.shape, dtype=object)


class Chatters(Good):
    """A megabyte of what no terminal likes, on both outputs, by every way there is."""

    dies: bool = False

    def fit(self, train, context):
        garbage = b'\0\x1b[31m\xff\xfe\r{"kind": "Result"}\n' * 30_000
        os.write(1, garbage[:500_000])
        sys.stdout.buffer.write(garbage[:500_000])
        sys.stdout.write("x" * 100_000)
        sys.stderr.buffer.write(garbage)
        subprocess.run(["echo", "from a child"], check=True)
        if self.dies:
            sys.stderr.write("the last words\n")
            sys.stderr.flush()
            os._exit(3)
        super().fit(train, context)


class ReadsInput(Good):
    def fit(self, train, context):
        assert sys.stdin.read() == ""
        super().fit(train, context)


class ClosesStdout(Good):
    def fit(self, train, context):
        super().fit(train, context)
        sys.stdout.close()
        sys.stderr = None


class ChangesTheProcess(Good):
    def fit(self, train, context):
        os.chdir("/")
        os.environ.clear()
        os.environ["WORKBENCH_FAULTY"] = "was here"
        random.seed(1)
        np.random.seed(1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().fit(train, context)


class ChecksTheProcess(Good):
    """Fails if it finds what `ChangesTheProcess` did."""

    def fit(self, train, context):
        assert "WORKBENCH_FAULTY" not in os.environ and "PATH" in os.environ
        assert Path.cwd() != Path("/")
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        super().fit(train, context)


class Prunes(Good):
    def fit(self, train, context):
        raise Pruned


class Reports(Good):
    """Reports values, one of them from the model as it stands, and finishes."""

    def fit(self, train, context):
        super().fit(train, context)
        context.report(1, 0.25)
        context.report(2, np.float32(0.5))
        context.report(np.int64(3))


class ReportsWrongly(Good):
    kind: str = "nan"

    def fit(self, train, context):
        super().fit(train, context)
        match self.kind:
            case "nan":
                context.report(1, float("nan"))
            case "infinite":
                context.report(1, float("inf"))
            case "text":
                context.report(1, "0.5")
            case "array":
                context.report(1, np.ones(3))
            case "huge step":
                context.report(2**70, 0.5)
            case "negative step":
                context.report(-1, 0.5)


class KeepsTheUnstorable(Good):
    def fit(self, train, context):
        super().fit(train, context)
        self.callback_ = lambda: None


class WritesIntoTheData(Good):
    name: str = "items"

    def fit(self, train, context):
        getattr(train, self.name)[0] = 1


class SharesWork(Good):
    """Counts in the folder of `mark` how often the shared work was done."""

    mark: str = ""
    fails = False

    def fit(self, train, context):
        def compute():
            Path(self.mark, f"{os.getpid()}-{time.monotonic_ns()}").touch()
            if self.fails:
                raise RuntimeError("no arrays today")
            time.sleep(0.3)
            return {"counts": np.bincount(train.items, minlength=train.n_items).astype(np.float32)}

        shared = context.shared("counts", compute)
        try:
            shared["counts"][0] = 1
        except ValueError:
            self.scores_ = np.array(shared["counts"])


class SharesRows(Good):
    """Writes into the file `mark` how many users were new to the shared work."""

    mark: str = ""

    def fit(self, train, context):
        users, items = np.unique(train.users), np.bincount(train.users, train.items)

        def compute(rows):
            time.sleep(0.1)
            with Path(self.mark).open("a") as file:
                file.write(f"{len(rows)} ")
            return items[users[rows]]

        found = context.shared_rows("users", users.astype(np.uint64), compute)
        self.scores_ = np.full(train.n_items, found.sum(), np.float32)


class SharesAtOnce(SharesWork):
    """Asks for the shared work when another worker does."""

    def fit(self, train, context):
        waiting = Path(self.mark).parent
        (waiting / f"waiting-{os.getpid()}").touch()
        give_up = time.monotonic() + 60
        while len(list(waiting.glob("waiting-*"))) < 2 and time.monotonic() < give_up:
            time.sleep(0.001)
        super().fit(train, context)


class SharesSlowly(SharesWork):
    """The same under another name, so that nobody has done the work yet."""


class SharesNothing(SharesWork):
    fails = True


class ThreadsLeft(Good):
    def fit(self, train, context):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        super().fit(train, context)


class Undescribable(Good):
    """Cannot even be described."""

    @classmethod
    def estimate(cls, shape):
        raise RuntimeError("no idea")


class EstimatesTooMuch(Good):
    @classmethod
    def estimate(cls, shape):
        return 1.0, 1e300


class DiesWhenDescribed(Good):
    @classmethod
    def estimate(cls, shape):
        os._exit(7)


class NoModel:
    """Not even a model."""


def write(path, value):
    """Whole or not at all, for whoever waits for the file."""
    draft = Path(f"{path}.draft")
    draft.write_text(str(value))
    draft.rename(path)


class Learns(Good):
    """Reports `values` one after the other; leaves the step it came to where `mark` says, if anywhere."""

    values: str = "0.1,0.2,0.3"
    mark: str = ""
    pause: float = 0.0

    def fit(self, train, context):
        for step, value in enumerate(map(float, self.values.split(",")), 1):
            if self.mark:
                write(self.mark, step)
            time.sleep(self.pause)
            context.report(step, value)
        super().fit(train, context)


class TrainsInEpochs(Good):
    """Knows popularity best after `peak` epochs, and drifts away from it before and after."""

    epochs: int = 6
    peak: int = 3
    space = {"peak": Int(1, 5)}

    def fit(self, train, context):
        popularity = np.bincount(train.items, minlength=train.n_items).astype(np.float32)
        for epoch in context.epochs(self.epochs):
            self.scores_ = popularity if epoch + 1 == self.peak else -popularity
            self.steps_ = epoch + 1


class UsesDevice(Good):
    """Asks where it runs."""

    def fit(self, train, context):
        self.device_ = context.device
        super().fit(train, context)


class WarmsUp(Good):
    """Says how often it was warmed up in this process."""

    @classmethod
    def warm_up(cls):
        cls.times = getattr(cls, "times", 0) + 1
        time.sleep(0.2)

    def fit(self, train, context):
        super().fit(train, context)
        if self.times > 1:
            raise RuntimeError("warmed up again")


class WritesOnPipes(Good):
    """As a C library does that takes an inherited descriptor for a log."""

    line: str = ""
    times: int = 1

    def fit(self, train, context):
        super().fit(train, context)
        for number in range(3, 64):
            try:
                if str(Path(f"/proc/self/fd/{number}").readlink()).startswith("pipe:"):
                    for _ in range(self.times):
                        os.write(number, self.line.encode())
            except OSError:
                continue


class ReportsAndReadsNothing(Good):
    """Posts reports behind the back of `Context.report`, and stops."""

    id: str = ""
    times: int = 1

    def fit(self, train, context):
        super().fit(train, context)
        lines = [
            f'{{"kind": "Report", "id": "{self.id}", "step": {step}, "value": 0.5}}\n' for step in range(self.times)
        ]
        WritesOnPipes(line="".join(lines)).fit(train, context)
        os.kill(os.getpid(), signal.SIGSTOP)


class BreaksItsAnswer(Good):
    """Has the worker say something else than what it means."""

    answer: str = "{}"

    def fit(self, train, context):
        super().fit(train, context)
        dumps = json.dumps

        def broken(*values, **options):
            json.dumps = dumps
            return self.answer

        json.dumps = broken


class Floods(Good):
    """Posts reports faster than anybody hears them."""

    def fit(self, train, context):
        super().fit(train, context)
        for step in range(20_000):
            context.report(step, 0.5)


class LacksRoom(Good):
    """Meets a full disk for as long as the environment says so."""

    def fit(self, train, context):
        if os.environ.get("FAULTY_DISK") == "full":
            raise RuntimeError("cannot go on") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().fit(train, context)


class TruncatesTheData(Good):
    def fit(self, train, context):
        super().fit(train, context)
        for path in Path("parts").glob("*/items.npy"):
            path.chmod(0o600)
            os.truncate(path, 64)
