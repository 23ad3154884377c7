"""Fixtures that every test may use."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.warm import Warm

ROOT = Path(__file__).parent.parent
FIRST = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
"""Where the tests themselves were told to import from, so that other processes do likewise."""
FIRST_PARTY = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["workbench"])
"""The plugins that come with Workbench."""
SAMPLE = ROOT / "examples/samples/workbench_samples/ml-latest-small/ratings.csv"

# The same examples each time, whatever the speed of the machine.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("tests")


@dataclass(frozen=True)
class Called:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process in whose children commands run, so that their imports are paid once."""
    with closing(Warm()) as process:
        yield process


@pytest.fixture(scope="session")
def call(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Called]:
    """Calls the command `workbench` as a user would, in a folder: another process; with `own`, another interpreter.

    Children of one interpreter share what it read as it started, such as the seed of hashes.
    """
    streams = tmp_path_factory.mktemp("streams")

    def call_in(
        folder: Path,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        timeout: float = 120,
        own: bool = False,
    ) -> Called:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
        given = dict(env or {})
        if "PYTHONPATH" in given:
            given["PYTHONPATH"] = os.pathsep.join([*FIRST, given["PYTHONPATH"]])
        environment |= given
        words = [*map(str, arguments)]
        if not own:
            code, out, err = warm.call(words, folder, environment, timeout, streams)
            return Called(code, out.decode(), err.decode())
        command = [sys.executable, "-m", "workbench", *words]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL
        )
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call_in


@pytest.fixture
def workbench(call: Callable[..., Called], tmp_path: Path) -> Callable[..., Called]:
    """Calls the command `workbench` in an empty folder."""
    return partial(call, tmp_path)


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """A small ratings file: 40 users, 30 items, with times."""
    return write_ratings(tmp_path)


def write_ratings(folder: Path) -> Path:
    """Writes what `ratings` is into a folder, for fixtures that several tests share."""
    import pyarrow.csv as pc

    from workbench_recommend.task import made_up_ratings

    path = folder / "ratings.csv"
    pc.write_csv(made_up_ratings(seed=1, users=40, items=30), path)
    return path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Installs a plugin's distribution for this test; returns the folder, which other processes may have as PYTHONPATH.

    The module is called as the distribution, with underscores. Importing it leaves the file `<module>.imported`.
    `entries` and `commands` are lines of the groups `workbench` and `workbench.commands`.
    """
    folder = tmp_path / "site-packages"

    def make(
        distribution: str,
        code: str = "",
        *,
        entry: str | None = None,
        entries: str | None = None,
        commands: str = "",
        requires: tuple[str, ...] = (),
        metadata: str | None = None,
    ) -> Path:
        module = distribution.replace("-", "_")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(
            "import pathlib\n"
            "pathlib.Path(__file__).with_suffix('.imported').touch()\n"
            "from workbench import MetricSpec, ModelSpec, TaskSpec, hookimpl\n" + textwrap.dedent(code),
            encoding="utf-8",
        )
        lines = [f"Requires-Dist: {line}" for line in requires]
        text = "\n".join(["Metadata-Version: 2.1", f"Name: {distribution}", "Version: 1.0", *lines, ""])
        if metadata != "":
            (info / "METADATA").write_text(metadata or text, encoding="utf-8")
        named = f"{entry or distribution} = {module}" if entries is None else entries
        groups = f"[workbench]\n{named}\n[workbench.commands]\n{commands}\n"
        (info / "entry_points.txt").write_text(groups, encoding="utf-8")
        monkeypatch.delitem(sys.modules, module, raising=False)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        return folder

    before = set(sys.modules)
    yield make
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
