"""A warm process that runs and resumes in forked children, which may be killed: `python -m tests.store.killing`.

Each line of its input is `{"do": "run" or "resume", "fault": text, "arguments": {...}}`; the answer is
`[exit code of the child, negative for a signal, fault points that it passed]`. The first order is obeyed without a
child. Only the workers are not real: questions are answered in the child itself.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import workbench.api
import workbench.main
import workbench.search.selection
from workbench.execution.work import Describe, Setup, Work
from workbench.execution.worker import TrialDesk
from workbench.store import faults


class DeskPool:
    """A pool without processes: every question is answered at once, here."""

    def __init__(self, setup: Setup, size: int, memory: int | None = None, grace: float = 5.0) -> None:
        self.desk, self.size, self.asked = TrialDesk(setup, io.BytesIO()), 1, list[Work]()

    def __enter__(self) -> DeskPool:
        return self

    def __exit__(self, *_: object) -> None: ...

    @property
    def idle(self) -> int:
        return self.size - len(self.asked)

    def start(self) -> None: ...

    def protect(self, folder: Path) -> None: ...

    def submit(self, question: Work, deadline: float | None = None) -> None:
        self.asked.append(question)

    def events(self, timeout: float) -> list[Any]:
        questions, self.asked = self.asked, []
        return [
            self.desk._describe(question) if isinstance(question, Describe) else self.desk._fit(question)
            for question in questions
        ]


def obey(order: dict[str, Any]) -> None:
    getattr(workbench.api, order["do"])(**order["arguments"])


def child(order: dict[str, Any], passed: Path) -> int:
    os.environ["WORKBENCH_FAULT"] = order["fault"]
    try:
        obey(order)
    except Exception:  # noqa: BLE001 - the exit code says it
        traceback.print_exc()
        return 1
    passed.write_text(str(next(faults._passed) - 1))
    return 0


def main() -> None:
    workbench.main.Pool = DeskPool  # type: ignore[misc, assignment]
    workbench.search.selection.DRAWS = 2  # as much to write, less to fit
    obey(json.loads(sys.stdin.readline()))  # so that the children find everything imported
    print([0, 0], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            passed = Path(folder) / "passed"
            passed.write_text("0")
            process = os.fork()
            if not process:
                os._exit(child(json.loads(line), passed))
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            print(json.dumps([code, int(passed.read_text())]), flush=True)


if __name__ == "__main__":
    main()
