"""Example plugins as if they were installed, from where they are."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

PLUGINS = ROOT / "examples/plugins"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Installs an example for this test; returns the folder, which other processes may have as PYTHONPATH.

    The metadata is written from the example's own pyproject.
    """
    site = tmp_path / "site-packages"
    before = set(sys.modules)

    def install(name: str) -> Path:
        source = PLUGINS / name
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
        about = project["project"]
        info = site / f"{name.replace('-', '_')}-{about['version']}.dist-info"
        info.mkdir(parents=True)
        metadata = ["Metadata-Version: 2.1", f"Name: {about['name']}", f"Version: {about['version']}"]
        metadata += [f"Requires-Dist: {requirement}" for requirement in about["dependencies"]]
        (info / "METADATA").write_text("\n".join([*metadata, ""]), encoding="utf-8")
        lines = [line for group, entries in about["entry-points"].items() for line in _section(group, entries)]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
            (site / package).symlink_to(source / package)
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
        importlib.invalidate_caches()
        return site

    yield install
    for module in set(sys.modules) - before:
        if str(PLUGINS) in str(Path(getattr(sys.modules[module], "__file__", None) or "/").resolve()):
            del sys.modules[module]


def _section(group: str, entries: dict[str, Any]) -> list[str]:
    return [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()), ""]
