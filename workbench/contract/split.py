"""A dataset as a task reads it, and its split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from workbench.contract.report import DataReport

Part = TypeVar("Part")
"""What models are fitted on and scored on: a dataclass of arrays, the same type for a task's every part.

Besides its arrays it says what it offers: `shape`, a dict of counts (what `Model.space_for` and
`Model.estimate` receive), and `provides`, a set of words that a model's `needs` may name.
"""


@dataclass(frozen=True)
class Dataset(Generic[Part]):
    """What a task read.

    Args:
        name: how it is shown: the file's name, mostly.
        data: all rows.
        test: the rows of `--test-data`, encoded alike; None without.
        encoding: a dataclass of arrays (`Task.encoding`) that turns ids into numbers and back; kept with the
            run, so that a model answers without the file it was trained on.
        fingerprint: hex; equal for equal rows, whatever the file, its format or their order.
        report: what was found while reading.
        made_up: True for generated data.
    """

    name: str
    data: Part
    test: Part | None
    encoding: object
    fingerprint: str
    report: DataReport
    made_up: bool = False


@dataclass(frozen=True)
class Split(Generic[Part]):
    """`train`, `valid` and `test` of one dataset. The search sees `valid` only.

    Args:
        strategy: its name, as in `--split`.
        identity: all that decides which row went where; boards compare equal identities only.
        summary: for the screen, such as `"per user by time: 81 % train · 9 % valid · 10 % test"`.
        train: what the search fits on.
        valid: what the search scores on.
        train_valid: what finalists are fitted on again.
        test: what finalists are scored on, once.
        leakage: one line for each way in which the split lets the future or the answers through.
    """

    strategy: str
    identity: str
    summary: str
    train: Part
    valid: Part
    train_valid: Part
    test: Part
    leakage: tuple[str, ...] = field(default=())
