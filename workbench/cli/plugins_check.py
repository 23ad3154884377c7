"""`workbench plugins check`: whether a plugin keeps what it promises."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import console, print_json, print_table, printing, say, say_lines, seconds
from workbench.printable import one_line
from workbench.wording import counted

if TYPE_CHECKING:
    from workbench.testing import Examination, Outcome
    from workbench.testing.promises import State

STATES: tuple[State, ...] = ("passed", "failed", "skipped")


@click.command()
@click.argument("name")
@printing
def command(name: str, as_json: bool) -> int:
    """Check that the installed plugin NAME keeps what plugins promise; exit code 1 where it does not.

    Its code runs in processes of its own, on the tiny examples of the tasks. A check that fails says what was promised,
    what was seen and the remedy.
    """
    from workbench.testing import Examination

    started = time.monotonic()
    with Examination(name) as examination:
        outcomes = _run(examination)
    took = time.monotonic() - started
    counts: Counter[State] = Counter(outcome.state for outcome in outcomes)
    if as_json:
        print_json(_document(examination, outcomes, took))
    else:
        _show(examination, outcomes)
        summary = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        say()
        say(f"{summary} in {seconds(took)}")
    return 1 if counts["failed"] else 0


def _run(examination: Examination) -> list[Outcome]:
    """Every outcome; a terminal shows which check is running."""
    from rich.text import Text

    outcomes = []
    with console(err=True).status(Text(f"loading {one_line(examination.plugin)}")) as status:
        for number, case in enumerate(cases := examination.cases, 1):
            asked = f"{case.target}: {case.check.name.replace('_', ' ')}"
            status.update(Text(f"{number} of {len(cases)} · {one_line(asked)}"))
            outcomes.append(examination.run(case))
    return outcomes


def _show(examination: Examination, outcomes: Sequence[Outcome]) -> None:
    say(f"{examination.plugin} · {examination.distribution} {examination.version}")
    say()
    counts: dict[tuple[str, str], Counter[State]] = {}
    for outcome in outcomes:
        key = outcome.case.target, outcome.case.kind
        counts.setdefault(key, Counter())[outcome.state] += 1
    rows = [
        {"name": target, "kind": kind, **{state: str(count[state] or "-") for state in STATES}}
        for (target, kind), count in counts.items()
    ]
    print_table(rows, ("name", "kind", *STATES), right=STATES)
    for outcome in outcomes:
        if outcome.state == "failed":
            say()
            say_lines(outcome.message)
    failed = {outcome.case.id for outcome in outcomes if outcome.state == "failed"}
    reasons = Counter(outcome.seen for outcome in outcomes if outcome.state == "skipped" and _is_news(outcome))
    if reasons:
        say()
    for reason, count in reasons.items():
        say(f"skipped: {reason}" + (f" ({counted(count, 'check')})" if count > 1 else ""))
    lost = sum(outcome.state == "skipped" and not _is_news(outcome) for outcome in outcomes)
    if failed and lost:
        say()
        say(f"{lost} more cannot be asked before those are passed")


def _is_news(outcome: Outcome) -> bool:
    """Whether a check was skipped for a reason of its own, and not for the check before it."""
    before = outcome.case.check.after
    return before is None or not outcome.seen.startswith(f"{before.name} is ")


def _document(examination: Examination, outcomes: Sequence[Outcome], took: float) -> dict[str, Any]:
    counts: Counter[State] = Counter(outcome.state for outcome in outcomes)
    return {
        "plugin": examination.plugin,
        "distribution": examination.distribution,
        "version": examination.version,
        **{state: counts[state] for state in STATES},
        "seconds": round(took, 3),
        "checks": [
            {
                "id": outcome.case.id,
                "kind": outcome.case.kind,
                "name": outcome.case.target,
                "check": outcome.case.check.name,
                "state": outcome.state,
                "promised": outcome.case.check.promised,
                "seen": outcome.seen,
                "remedy": outcome.remedy,
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ],
    }
