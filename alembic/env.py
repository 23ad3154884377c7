"""Runs migrations on the engine that `workbench.store.migrate` hands over.

Foreign keys are off while a migration runs: a batch migration rebuilds tables, and with them on it deletes
every row that points at the old one. They are checked before it commits.
"""

import sqlalchemy as sa

from alembic import context
from workbench.store.schema import metadata
from workbench.store.views import VIEWS


def run() -> None:
    engine: sa.Engine = context.config.attributes["engine"]
    with engine.connect() as plain:
        connection = plain.execution_options(immediate=True)
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                for name in VIEWS:
                    connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
                context.configure(
                    connection=connection,
                    target_metadata=metadata,
                    version_table=context.config.attributes["version_table"],
                    render_as_batch=True,
                )
                context.run_migrations()
                for statement in VIEWS.values():
                    connection.exec_driver_sql(statement)
                if sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                    if broken:
                        raise RuntimeError(f"the migration leaves rows that point nowhere: {broken[:3]}")
        finally:
            if sqlite:
                cursor.execute("PRAGMA foreign_keys = ON")


run()
