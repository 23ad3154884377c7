"""Fixtures for reading data: files in an empty folder, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workbench.contract.split import Dataset
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench.data.reading import read_interactions
from workbench.errors import DataError


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file and returns its path."""

    def write_file(content: str | bytes, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def read(write: Callable[..., Path]) -> Callable[..., Dataset[Interactions]]:
    """Reads interactions from the content of a file, or from a table."""

    def read_data(
        data: Any, name: str = "ratings.csv", options: Mapping[str, str] | None = None, **source: Any
    ) -> Dataset[Interactions]:
        given = write(data, name) if isinstance(data, str | bytes) else data
        return read_interactions(Source(given, **source), options or {})

    return read_data


@pytest.fixture
def refusal(read: Callable[..., Dataset[Interactions]]) -> Callable[..., str]:
    """The message with which data is refused."""

    def refused(data: Any, name: str = "ratings.csv", **how: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(data, name, **how)
        return str(caught.value)

    return refused


def rows_of(dataset: Dataset[Interactions]) -> list[tuple[str, str, float]]:
    """(user, item, value) in the user's own ids, in the order of the arrays."""
    encoding, data = dataset.encoding, dataset.data
    users = encoding.users.take(data.users).to_pylist()  # type: ignore[attr-defined]
    items = encoding.items.take(data.items).to_pylist()  # type: ignore[attr-defined]
    return list(zip(users, items, data.values.tolist(), strict=True))
