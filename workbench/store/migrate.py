"""Migrations by Alembic, with a version table of our own, so that the library can live beside others."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config

import workbench
from alembic import command
from workbench.errors import StoreError
from workbench.store.schema import VERSION_TABLE

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in globals of its modules."""


def migrations_folder() -> Path:
    """Where the migrations are: inside the installed package, else beside it in a checkout."""
    package = Path(workbench.__file__).parent
    for folder in (package / "_alembic", package.parent / "alembic"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError("the migrations are missing from this installation; reinstall automl-workbench")


def upgrade(engine: sa.Engine) -> None:
    """Run every migration that the database lacks, each in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["engine"] = engine
    config.attributes["version_table"] = VERSION_TABLE
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
