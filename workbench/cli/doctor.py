"""`workbench doctor`: whether this installation and this machine are fit for work."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from workbench.cli.output import print_json, print_table, printing
from workbench.wording import counted

_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "implicit",
    "lightgbm",
    "optuna",
    "SQLAlchemy",
    "alembic",
    "pyarrow",
    "skops",
)
_LITTLE_DISK = 10**9


@click.command()
@printing
@click.pass_context
def command(context: click.Context, /, as_json: bool) -> None:
    """Check versions, SQLite, threads, memory, GPU and plugins; exit code 1 if anything is broken."""
    rows = [*_interpreter(), *_packages(), _sqlite(), _postgresql(), *_machine(), _gpu(), *_plugins()]
    if as_json:
        print_json({"ok": all(row["state"] != "broken" for row in rows), "checks": rows})
    else:
        print_table(rows, ("check", "state", "found", "remedy"))
    context.exit(1 if any(row["state"] == "broken" for row in rows) else 0)


def _row(check: str, state: str, found: str, remedy: str = "") -> dict[str, Any]:
    return {"check": check, "state": state, "found": found, "remedy": remedy}


def _interpreter() -> list[dict[str, Any]]:
    from workbench import __version__

    return [
        _row("workbench", "ok", __version__),
        _row("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
    ]


def _packages() -> list[dict[str, Any]]:
    """Each is imported, since an installed package may still lack a library of the system's."""
    modules = {"scikit-learn": "sklearn", "SQLAlchemy": "sqlalchemy"}
    rows = []
    for name in _PACKAGES:
        try:
            found = version(name)
            __import__(modules.get(name, name))
        except PackageNotFoundError:
            rows.append(_row(name, "broken", "not installed", f"pip install {name}"))
        except (ImportError, OSError) as error:
            needs_openmp = "libgomp" in str(error)
            remedy = (
                "apt install libgomp1 (macOS: brew install libomp)"
                if needs_openmp
                else f"pip install --force-reinstall {name}"
            )
            rows.append(_row(name, "broken", str(error).splitlines()[0], remedy))
        else:
            rows.append(_row(name, "ok", found))
    return rows


def _sqlite() -> dict[str, Any]:
    from workbench.store.sqlite import sqlite_version, wal_is_unsafe

    if wal_is_unsafe():
        found = f"{sqlite_version()}, which can lose pages of its write-ahead log; a rollback journal is used"
        return _row("sqlite", "noted", found, "3.51.3 or newer is faster")
    return _row("sqlite", "ok", sqlite_version())


def _postgresql() -> dict[str, Any]:
    from workbench.store.postgresql import NEEDED, psycopg_version

    found = psycopg_version()
    if found is None:
        return _row("postgresql", "noted", "psycopg is not installed; SQLite needs none", NEEDED)
    return _row("postgresql", "ok", f"psycopg {found}")


def _machine() -> list[dict[str, Any]]:
    from workbench.execution.memory import machine_memory
    from workbench.settings import available_cores

    free = shutil.disk_usage(tempfile.gettempdir()).free
    limits = [
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if name in os.environ
    ]
    return [
        _row("cores", "ok", f"{available_cores()}" + (f" ({', '.join(limits)})" if limits else "")),
        _row("memory", "ok", f"{machine_memory() / 2**30:.1f} GiB free"),
        _row(
            "scratch disk",
            "ok" if free > _LITTLE_DISK else "noted",
            f"{free / 2**30:.1f} GiB free in {tempfile.gettempdir()}",
            "" if free > _LITTLE_DISK else "set TMPDIR to a larger disk",
        ),
    ]


def _gpu() -> dict[str, Any]:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return _row("gpu", "noted", "torch is not installed; no model of this version needs it")
    import torch

    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return _row("gpu", "ok" if names else "noted", ", ".join(names) or f"none seen by torch {torch.__version__}")


def _plugins() -> list[dict[str, Any]]:
    from workbench.errors import PluginError
    from workbench.registry import Registry, load_task

    registry = Registry.discovered()
    rows = []
    for plugin in registry.plugins:
        usual = "noted" if plugin.reason else "ok"
        state = {"loaded": usual, "blocked": "noted"}.get(plugin.state, "broken")
        offers = [
            f"{counted(len(plugin.tasks), 'task')}, {counted(len(plugin.models), 'model')}, "
            f"{counted(len(plugin.metrics), 'metric')}"
        ]
        offers += ["observes"] * bool(plugin.observes) + [f"command {name}" for name in plugin.commands]
        told = [", ".join(offers)] if plugin.state == "loaded" else [plugin.state]
        found = f"{plugin.distribution} {plugin.version}: {'; '.join([*told, *filter(None, [plugin.reason])])}"
        remedy = f"upgrade {plugin.distribution}, or pass --no-plugin {plugin.name}" if state == "broken" else ""
        rows.append(_row(f"plugin {plugin.name}", state, found, remedy))
    for task, offered in registry.tasks.items():
        try:
            load_task(offered)
        except PluginError:
            rows.append(_row(f"task {task}", "broken", "cannot be used", f"workbench tasks {task} says why"))
        for offer in registry.models(task).values():
            if offer.missing:
                missing = " ".join(offer.missing)
                rows.append(_row(f"model {offer.name}", "noted", f"needs {missing}", f"pip install {missing}"))
    return rows
