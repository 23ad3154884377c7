"""Artifacts: folders of files kept as chunks under the SHA-256 of their content, checked before they are read."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError
from workbench.store import schema
from workbench.store.database import Database, rereading
from workbench.store.paths import inside, targets_of
from workbench.store.queries import short_ids
from workbench.store.types import type_at

CHUNK = 2**20
CHUNKS_AT_ONCE = 16
"""Chunks committed together: one transaction of hundreds of megabytes would swell the journal as much."""

Hashes = Mapping[str, str]
"""The files of an artifact: path -> SHA-256 of the content, in hexadecimal."""

Write = Callable[[str, Callable[[Connection], Any]], Any]

MOST_UNPACKED = 2**28
"""Bytes that an artifact of any stored size may unpack to; a larger one is bounded by `MOST_PACKED`."""

MOST_PACKED = 1_000
"""How many times its stored bytes a large artifact may have: fitted models have 1 to 20."""

_PAYS = 0.9


def stage(write: Write, folder: Path) -> Hashes:
    """Bring the content of every file below a folder into the database. No row names it yet, so none names half a file.

    Args:
        write: has a function run in one transaction of this name.
        folder: with plain files.

    Raises:
        StoreError: a file cannot be kept.
    """
    names = {path: path.relative_to(folder).as_posix() for path in _files(folder)}
    for path in names.values():
        inside(folder, path)  # what `get` would refuse is not stored
    return {name: _put_file(write, path) for path, name in names.items()}


def name(connection: Connection, run: int, trial: int | None, kind: str, hashes: Hashes) -> None:
    """Name contents that are there as an artifact of a run, or of one trial."""
    rows = [
        {"run_id": run, "trial_id": trial, "kind": kind, "path": path, "sha256": sha256}
        for path, sha256 in hashes.items()
    ]
    if rows:
        connection.execute(sa.insert(schema.artifact), rows)


def get(database: Database, run: int, trial: int | None, kind: str, folder: Path) -> None:
    """Write an artifact's files below an empty folder, each checked against its hash before it is written.

    Raises:
        StoreError: there is none, a file is damaged or larger than can be, or a path leads out of the folder.
    """
    hashes, size = _described(database, run, trial, kind)
    targets = targets_of(folder, [path for path, _ in hashes])
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise StoreError(f"the {kind} takes {size:,} bytes, and {folder} has {free:,} left; point TMPDIR elsewhere")
    for target, (path, sha256) in zip(targets, hashes, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        get_file(database, sha256, target, name=f"{kind} file {path}")


@rereading
def _described(database: Database, run: int, trial: int | None, kind: str) -> tuple[list[tuple[str, str]], int]:
    """(path and hash of each file of an artifact, bytes of all files together)."""
    table = schema.artifact
    with database.read() as connection:
        rows = connection.execute(
            sa.select(table.c.path, table.c.sha256)
            .distinct()
            .where(table.c.run_id == run, table.c.kind == kind, table.c.trial_id.is_not_distinct_from(trial))
            .order_by(table.c.path)
        ).all()
    if not rows:
        raise StoreError(f"{database.name} keeps no {kind} there")
    size = _checked_size(database, [sha256 for _, sha256 in rows], f"the {kind}")
    return [(path, sha256) for path, sha256 in rows], size


@rereading
def exists(database: Database, run: int, trial: int, kind: str) -> bool:
    """Whether a trial has an artifact of this kind."""
    table = schema.artifact
    where = (table.c.run_id == run, table.c.trial_id == trial, table.c.kind == kind)
    with database.read() as connection:
        return connection.execute(sa.select(table.c.id).where(*where).limit(1)).first() is not None


@rereading
def trials_kept(database: Database, run: int) -> list[str]:
    """Ids, shortened, of the trials of a run whose fitted models are kept, the best first."""
    table, trial = schema.artifact, schema.trial
    with database.read() as connection:
        ids = connection.execute(
            sa.select(trial.c.uuid)
            .where(
                trial.c.run_id == run,
                trial.c.id.in_(sa.select(table.c.trial_id).where(table.c.kind == "model")),
            )
            .order_by(trial.c.final_rank)
        ).scalars()
        return list(short_ids(connection, list(ids)).values())


@rereading
def listing(database: Database, run: int | None = None) -> list[dict[str, Any]]:
    """Every stored file as `run`, `trial` (None for what is the run's), `model`, `kind`, `path`, `bytes`, `sha256`."""
    table, trial, blob = schema.artifact, schema.trial, schema.blob
    uuid, model = (
        sa.type_coerce(column, type_at(column, str(column), nullable=True)) for column in (trial.c.uuid, trial.c.model)
    )
    query = (
        sa.select(
            table.c.run_id,
            uuid.label("uuid"),
            model.label("model"),
            table.c.kind,
            table.c.path,
            blob.c.size,
            table.c.sha256,
        )
        .join(blob, blob.c.sha256 == table.c.sha256)
        .outerjoin(trial, trial.c.id == table.c.trial_id)
        .order_by(table.c.run_id, table.c.id)
    )
    if run is not None:
        query = query.where(table.c.run_id == run)
    with database.read() as connection:
        rows = connection.execute(query).all()
        ids = short_ids(connection, list({row.uuid for row in rows if row.uuid}))
    return [
        {
            "run": row.run_id,
            "trial": ids.get(row.uuid),
            "model": row.model or "",
            "kind": row.kind,
            "path": row.path,
            "bytes": row.size,
            "sha256": row.sha256,
        }
        for row in rows
    ]


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    for path in found:
        if path.is_symlink() or not path.is_file():
            raise StoreError(f"{path.name} is a link or no plain file, and is not kept")
    return found


def _checked_size(database: Database, hashes: Sequence[str], what: str) -> int:
    """Bytes of files together, which are refused if that is far more than what is stored of them can be."""
    blob, chunk = schema.blob, schema.blob_chunk
    stored = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(chunk.c.data)), 0)).where(
        chunk.c.sha256 == blob.c.sha256
    )
    query = sa.select(blob.c.sha256, blob.c.size, stored.scalar_subquery().label("stored"))
    with database.read() as connection:
        rows = connection.execute(query.where(blob.c.sha256.in_(set(hashes)))).all()
    sizes = {row.sha256: row.size for row in rows}
    size: int = sum(sizes.get(sha256, 0) for sha256 in hashes)
    packed = sum(int(row.stored) for row in rows)
    if min(sizes.values(), default=0) < 0 or size > max(MOST_UNPACKED, MOST_PACKED * packed):
        raise StoreError(f"{what} in {database.name} is damaged: it says that {packed:,} stored bytes hold {size:,}")
    return size


def _put_file(write: Write, path: Path) -> str:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size, codec = path.stat().st_size, _codec(path)
    blob = schema.blob

    def begin(connection: Connection) -> bool:
        known = connection.execute(sa.select(blob.c.complete).where(blob.c.sha256 == sha256)).scalar()
        if known is None:
            connection.execute(sa.insert(blob).values(sha256=sha256, size=size, codec=codec, complete=False))
        elif not known:
            connection.execute(sa.update(blob).where(blob.c.sha256 == sha256).values(codec=codec))
        return bool(known)

    def complete(connection: Connection) -> None:
        connection.execute(sa.update(blob).where(blob.c.sha256 == sha256).values(complete=True))

    if not write("blob", begin):
        for group in _groups(path, sha256, codec):
            write("chunks", partial(_put_chunks, sha256, group))
        write("blob complete", complete)
    return sha256


def _put_chunks(sha256: str, group: list[dict[str, object]], connection: Connection) -> None:
    # Some may be there: from an attempt that was cut short, or from another run that stores equal content now.
    chunk, numbers = schema.blob_chunk, [row["number"] for row in group]
    connection.execute(sa.delete(chunk).where(chunk.c.sha256 == sha256, chunk.c.number.in_(numbers)))
    connection.execute(sa.insert(chunk), group)


def _groups(path: Path, sha256: str, codec: str) -> Iterator[list[dict[str, object]]]:
    group: list[dict[str, object]] = []
    with path.open("rb") as file:
        number = 0
        while data := file.read(CHUNK):
            if codec == "zstd":
                data = pa.Codec("zstd", 1).compress(data, asbytes=True)
            group.append({"sha256": sha256, "number": number, "data": data})
            number += 1
            if len(group) == CHUNKS_AT_ONCE:
                yield group
                group = []
    if group:
        yield group


def _codec(path: Path) -> str:
    """`zstd` where the first chunk says that it pays, else `raw`."""
    with path.open("rb") as file:
        head = file.read(CHUNK)
    return "zstd" if len(pa.Codec("zstd", 1).compress(head, asbytes=True)) < _PAYS * len(head) else "raw"


@rereading
def get_file(database: Database, sha256: str, target: Path, name: str) -> None:
    """Write one blob to a file, which is there under its name only when its content is known to be right.

    Raises:
        StoreError: it is missing, its content does not match its hash, or the file is there already.
    """
    check_file(database, sha256, name)
    if target.exists():  # names that differ by case alone are one on some file systems
        raise StoreError(f"{name} cannot be written here, where {target.name!r} is there already")
    with target.open("xb") as file:
        try:
            for data in _content(database, sha256, name):
                file.write(data)
        except BaseException:
            target.unlink()
            raise


@rereading
def check_file(database: Database, sha256: str, name: str) -> None:
    """Read one blob and compare its content with its hash.

    Raises:
        StoreError: as `get_file`.
    """
    _checked_size(database, [sha256], name)
    for _ in _content(database, sha256, name):
        pass


def _content(database: Database, sha256: str, name: str) -> Iterator[bytes]:
    """The pieces of a blob; after the last one it is known whether they match the hash."""
    blob, chunk = schema.blob, schema.blob_chunk
    with database.read() as connection:
        row = connection.execute(sa.select(blob.c.size, blob.c.codec).where(blob.c.sha256 == sha256)).one_or_none()
    if row is None:
        raise StoreError(f"{name} is missing from {database.name}")
    digest, left, number = hashlib.sha256(), row.size, 0
    while left > 0:
        with database.read() as connection:
            data = connection.execute(
                sa.select(chunk.c.data).where(chunk.c.sha256 == sha256, chunk.c.number == number)
            ).scalar()
        size = min(left, CHUNK)
        try:
            if data is not None and row.codec == "zstd":
                data = pa.Codec("zstd", 1).decompress(data, size, asbytes=True)
        except (pa.ArrowException, OSError):
            data = None
        if data is None or len(data) != size:
            break
        digest.update(data)
        left -= size
        number += 1
        yield data
    if left or digest.hexdigest() != sha256:
        raise StoreError(f"{name} in {database.name} is damaged: its content does not match its hash {sha256[:12]}")
