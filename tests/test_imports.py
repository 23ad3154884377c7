"""Commands start light, and dependencies point one way."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "workbench"
HEAVY = {
    "numpy",
    "optuna",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "pyarrow",
    "scipy",
    "sklearn",
    "lightgbm",
    "implicit",
    "torch",
}

LAYERS = {
    "errors": set(),
    "printable": set(),
    "shortage": {"errors"},
    "wording": set(),
    "_version": set(),
    "space": {"errors"},
    "contract": {"errors", "space"},
    "installed": {"_version"},
    "commands": {"installed"},
    "discovery": {"contract", "commands", "installed"},
    "registry": {"contract", "errors", "discovery", "installed"},
    "data": {"contract", "errors", "shortage", "wording"},
    "metrics": {"contract", "errors"},
    "blocks": {"contract", "errors", "space", "data", "metrics"},
    "execution": {
        "registry",
        "discovery",
        "installed",
        "data",
        "metrics",
        "blocks",
        "contract",
        "space",
        "errors",
        "printable",
        "shortage",
    },
    "search": {"execution", "metrics", "contract", "space", "errors", "wording"},
    "store": {"errors", "owner"},
    "settings": {"errors", "data"},
    "interrupts": {"errors"},
    "folders": {"owner"},
    "owner": set(),
}
"""What each part may import of the others; what is not here (cli, main and what serves it) may import all but cli."""

ABOVE = {
    "api",
    "cli",
    "exporting",
    "main",
    "observing",
    "parts",
    "planning",
    "recording",
    "replaying",
    "result",
    "serving",
    "session",
    "testing",
}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh process has after running some code."""
    report = "\nimport sys, json; print(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr.decode()
    return {name.partition(".")[0] for name in json.loads(done.stdout.decode().splitlines()[-1])}


def test_the_help_imports_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["workbench", "--help"]
from workbench.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
"""
    loaded = loaded_by(code)
    assert "click" in loaded
    assert loaded & (HEAVY | {"rich"}) == set()


def test_the_version_imports_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["workbench", "--version"]
from workbench.cli import main
try:
    main()
except SystemExit:
    pass
"""
    assert loaded_by(code) & (HEAVY | {"rich"}) == set()


def test_the_package_imports_nothing_heavy() -> None:
    assert loaded_by("import workbench") & (HEAVY | {"rich", "click"}) == set()


def test_what_a_plugin_announces_with_imports_nothing_heavy() -> None:
    assert loaded_by("import workbench_recommend\nworkbench_recommend.workbench_models()") & (HEAVY | {"rich"}) == set()


def test_listing_what_is_on_offer_imports_nothing_heavy() -> None:
    assert loaded_by("from workbench.registry import Registry\nRegistry.discovered()") & (HEAVY | {"rich"}) == set()


def test_what_pytest_loads_for_plugin_authors_imports_nothing_heavy() -> None:
    loaded = loaded_by("import workbench.testing.pytest_plugin")
    assert loaded & (HEAVY | {"rich", "click", "psutil"}) == set()


def test_the_pool_and_the_search_import_no_model_and_no_store() -> None:
    loaded = loaded_by("import workbench.execution.pool, workbench.search.loop")
    assert loaded & {"sqlalchemy", "alembic", "workbench_recommend", "torch", "lightgbm", "implicit", "rich"} == set()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere in it, names of `from` included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts() -> list[tuple[str, Path]]:
    """(part of the core, file)."""
    return [(path.relative_to(CORE).parts[0].removesuffix(".py"), path) for path in sorted(CORE.rglob("*.py"))]


def inside(names: Iterator[str]) -> set[str]:
    """The parts of the core among imported names."""
    known = {part for part, _ in parts()}
    return {name.split(".")[1] for name in names if name.startswith("workbench.")} & known


def test_every_part_of_the_core_has_its_place() -> None:
    assert {part for part, _ in parts()} - set(LAYERS) - ABOVE == {"__init__", "__main__"}


@pytest.mark.parametrize(
    ("part", "path"), [pair for pair in parts() if pair[0] in LAYERS], ids=lambda value: getattr(value, "name", value)
)
def test_dependencies_point_one_way(part: str, path: Path) -> None:
    assert inside(imports(path)) - LAYERS[part] - {part} == set()


def test_nothing_but_the_command_imports_the_command() -> None:
    importers = {part for part, path in parts() if "cli" in inside(imports(path))}
    assert importers <= {"cli", "__main__"}


def test_the_layers_have_no_circle() -> None:
    left = dict(LAYERS)
    while left:
        free = [name for name, needs in left.items() if not needs & set(left)]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic", "sqlite3", "psycopg"])
def test_only_the_store_knows_sql(library: str) -> None:
    assert {part for part, path in parts() if library in {name.partition(".")[0] for name in imports(path)}} <= {
        "store"
    }


@pytest.mark.parametrize(
    ("library", "homes"),
    [("optuna", {"search"}), ("click", {"cli", "testing"}), ("rich", {"cli"}), ("pluggy", {"contract", "discovery"})],
)
def test_a_library_has_one_home(library: str, homes: set[str]) -> None:
    assert {part for part, path in parts() if library in {name.partition(".")[0] for name in imports(path)}} <= homes


def plugin_names() -> set[str]:
    return {path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists()}


def test_the_core_never_imports_a_plugin_by_name() -> None:
    names = plugin_names()
    assert "workbench_recommend" in names
    for _, path in parts():
        assert {name.partition(".")[0] for name in imports(path)} & names == set(), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.split(":")[0] in names:
                pytest.fail(f"{path}:{node.lineno} names {node.value}")


def test_a_plugin_imports_no_part_that_is_not_for_plugins() -> None:
    for path in (ROOT / "plugins").rglob("*.py"):
        parts_used = inside(imports(path))
        assert parts_used <= {"space", "data", "metrics", "blocks", "testing", "errors", "contract", "wording"}, path


def test_nothing_wild_is_imported() -> None:
    for _, path in parts():
        assert not [name for name in imports(path) if name.endswith(".*")], path
