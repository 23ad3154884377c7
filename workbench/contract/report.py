"""What was found while reading data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataReport:
    """What was found while reading data.

    Args:
        headline: size and range in one line.
        notes: one line for each thing a user should know: rows skipped, duplicates, units guessed.
        facts: the same as numbers, for `--json` and the store; `headline` and `notes` are stored beside them.
    """

    headline: str
    notes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
