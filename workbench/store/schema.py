"""The tables. `docs/database.md` describes them for those who query; migrations in `alembic/` build them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, MetaData, Table, UniqueConstraint, text

from workbench.store.types import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Hexadecimal,
    Integer,
    LargeBinary,
    String,
    Text,
    name_columns,
)

SCHEMA_VERSION = 1
"""The newest revision in `alembic/versions`; a test holds the two together."""

VERSION_TABLE = "workbench_version"
ENSEMBLE = "ensemble"
"""In column `trial.model`: several trials that answer together. It is made of trials, and counted as none."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

DIRECTIONS = ("maximize", "minimize")
RUN_STATES = ("running", "complete", "interrupted", "failed")
MODEL_STATES = ("searched", "skipped", "failed")
TRIAL_STATES = (
    *("running", "complete", "pruned", "skipped", "invalid"),
    *("failed", "timeout", "memory", "crashed", "cancelled"),
)
PARTS = ("valid", "test")
CODECS = ("raw", "zstd")
KINDS = ("encoding", "model")


def _uuid() -> Hexadecimal:
    """Of a run or a trial, which are found by their first digits."""
    return Hexadecimal(32, by_digit=True)


def _one_of(column: str, among: tuple[str, ...]) -> CheckConstraint:
    """A constraint, named as the column is."""
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, among))})", name=column)


dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("facts", JSON(dict, keys=(("headline", Text()), ("notes", JSON(list, (str,))))), nullable=False),
    UniqueConstraint("fingerprint", "task", name="uq_dataset_fingerprint"),
)

board = Table(
    "board",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset_id", ForeignKey("dataset.id"), nullable=False),
    Column("task", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("direction", String(8, DIRECTIONS), nullable=False),
    UniqueConstraint("dataset_id", "task", "split", "metric", name="uq_board_dataset_id"),
    _one_of("direction", DIRECTIONS),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", _uuid(), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("plugin", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("board_id", ForeignKey("board.id"), nullable=False),
    Column("state", String(20, RUN_STATES), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("settings", JSON(dict), nullable=False),
    Column("versions", JSON(dict, (str,)), nullable=False),
    Column("split_summary", Text, nullable=False),
    Column("leakage", JSON(list, (str,)), nullable=False),
    Column("baseline", Text, nullable=False),
    Column("budget_seconds", Float),
    Column("seconds", Float),
    Column("spent", JSON(dict, (int, float))),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("owner_host", Text, nullable=False),
    Column("owner_boot", Text, nullable=False),
    Column("owner_process", Integer, nullable=False),
    Column("owner_started", Float, nullable=False),
    Column("owner_since", DateTime, nullable=False),
    Column("owner_seen", DateTime, nullable=False),
    Column("fence", Integer, nullable=False),
    _one_of("state", RUN_STATES),
)

run_model = Table(
    "run_model",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("plugin", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", String(20, MODEL_STATES), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("space", JSON(dict), nullable=False),
    Column("estimated_seconds", Float),
    Column("estimated_bytes", BigInteger),
    Column("trials", Integer),
    Column("seconds", Float),
    Column("best", Float),
    Column("allocation", Text, nullable=False, server_default=""),
    _one_of("state", MODEL_STATES),
)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", _uuid(), nullable=False, unique=True),
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("board_id", ForeignKey("board.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("plugin", Text, nullable=False),
    Column("state", String(20, TRIAL_STATES), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("traceback", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("params", JSON(dict), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("objective", Float),
    Column("draws", Integer, nullable=False, server_default="0"),
    Column("valid_low", Float),
    Column("valid_high", Float),
    Column("final_rank", Integer),
    Column("tied", Boolean, nullable=False, server_default=text("false")),
    Column("temperature", Float),
    Column("fit_seconds", Float),
    Column("score_seconds", Float),
    Column("shared_seconds", Float),
    Column("refit_seconds", Float),
    Column("cpu_seconds", Float),
    Column("peak_memory_bytes", BigInteger),
    Column("threads", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("epochs", Integer),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    UniqueConstraint("run_id", "number", name="uq_trial_run_id"),
    _one_of("state", TRIAL_STATES),
)

# Partial, so that the top of a board of a million trials is read in a fraction of a millisecond.
Index(
    "ix_trial_board",
    trial.c.board_id,
    trial.c.draws.desc(),
    trial.c.objective.desc(),
    sqlite_where=text("state = 'complete' AND objective IS NOT NULL"),
    postgresql_where=text("state = 'complete' AND objective IS NOT NULL"),
)

# A name is in no key, since an index of PostgreSQL's takes no long text, and a class of any length names a metric.
trial_param = Table(
    "trial_param",
    metadata,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("number", Float),
    Column("text", Text),
)

trial_metric = Table(
    "trial_metric",
    metadata,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("part", String(10, PARTS), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    _one_of("part", PARTS),
)

trial_group = Table(
    "trial_group",
    metadata,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("grouped_by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("count", BigInteger, nullable=False),
)

trial_mistake = Table(
    "trial_mistake",
    metadata,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("example", Text, nullable=False),
    Column("right_class", Text, nullable=False),
    Column("predicted_class", Text, nullable=False),
    Column("probability", Float, nullable=False),
)

trial_report = Table(
    "trial_report",
    metadata,
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("value", Float, nullable=False),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", Hexadecimal(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("codec", String(10, CODECS), nullable=False),
    Column("complete", Boolean, nullable=False),
    _one_of("codec", CODECS),
)

blob_chunk = Table(
    "blob_chunk",
    metadata,
    Column("sha256", ForeignKey("blob.sha256", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

artifact = Table(
    "artifact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE")),
    Column("kind", String(20, KINDS), nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", ForeignKey("blob.sha256"), nullable=False),
    _one_of("kind", KINDS),
    Index("ix_artifact_run_id", "run_id", "trial_id", "kind"),
    Index("ix_artifact_sha256", "sha256"),
)

name_columns(metadata)
