"""Fixtures for the tests of plugins; pytest finds them wherever Workbench is installed (entry point `pytest11`).

Every run of pytest on such a machine imports this module, so it imports nothing but pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.registry import Registry


@pytest.fixture
def workbench_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new, empty store, which is the default of `workbench.run` and of commands in this test."""
    import contextlib

    from workbench.store.database import Database

    url = f"sqlite:///{tmp_path}/workbench.db"
    with contextlib.closing(Database(url, create=True)):
        monkeypatch.setenv("WORKBENCH_DB", url)
    return url


@pytest.fixture
def workbench_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of what comes with Workbench alone; in this test all other plugins are switched off, everywhere."""
    from workbench.installed import DISTRIBUTION, plugins
    from workbench.registry import Registry

    outside = sorted({distribution for distribution, _ in plugins() if distribution != DISTRIBUTION})
    monkeypatch.setenv("WORKBENCH_PLUGINS_OFF", ",".join(outside))
    return Registry.discovered()
