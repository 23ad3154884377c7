"""Files in the database: they come back as they were, or not at all."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError, StoreFailure
from workbench.store import artifacts, check, schema
from workbench.store.artifacts import CHUNK
from workbench.store.database import Database
from workbench.store.rows import FinalistRow
from workbench.store.writer import RunWriter

TEXT = b"all work and no play makes a dull file\n" * 80_000
NOISE = np.random.default_rng(0).bytes(2 * CHUNK + 12_345)


def put(database: Database, run: int, trial: int | None, kind: str, folder: Path) -> None:
    """Store a folder as an artifact, as a run does it."""

    def write(_: str, work: Callable[[Connection], Any]) -> Any:
        return database.write(work)

    hashes = artifacts.stage(write, folder)
    write("", lambda connection: artifacts.name(connection, run, trial, kind, hashes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every sort: several chunks, exact chunks, one byte, none, below a folder, with an odd name."""
    root = tmp_path / "folder"
    for name, content in {
        "text.txt": TEXT,
        "noise.bin": NOISE,
        "exact.bin": NOISE[:CHUNK],
        "one.bin": b"1",
        "empty.bin": b"",
        "deep/er/naïve name.json": b"{}",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture
def stored(database: Database, writer: RunWriter, folder: Path) -> Database:
    """A database that holds the folder as the encoding of run 1."""
    put(database, writer.run, None, "encoding", folder)
    return database


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def change(database: Database, statement: Any) -> None:
    database.write(lambda connection: connection.execute(statement))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def chunks_of(content: bytes) -> Any:
    return schema.blob_chunk.c.sha256 == sha(content)


def test_a_folder_comes_back_as_it_was(stored: Database, folder: Path, tmp_path: Path) -> None:
    artifacts.get(stored, 1, None, "encoding", tmp_path / "back")
    assert files(tmp_path / "back") == files(folder)


def test_chunks_have_one_size_and_are_compressed_where_it_pays(stored: Database) -> None:
    with stored.read() as connection:
        codecs = dict(connection.execute(sa.select(schema.blob.c.sha256, schema.blob.c.codec)).all())
        numbers = connection.execute(
            sa.select(schema.blob_chunk.c.number, sa.func.length(schema.blob_chunk.c.data)).where(chunks_of(NOISE))
        ).all()
        text = connection.execute(
            sa.select(sa.func.sum(sa.func.length(schema.blob_chunk.c.data))).where(chunks_of(TEXT))
        ).scalar_one()
    assert codecs[sha(TEXT)] == "zstd" and text < len(TEXT) / 10
    assert codecs[sha(NOISE)] == "raw"
    assert sorted(map(tuple, numbers)) == [(0, CHUNK), (1, CHUNK), (2, 12_345)]


def test_equal_content_is_stored_once(stored: Database, folder: Path) -> None:
    blobs, chunks = count(stored, schema.blob), count(stored, schema.blob_chunk)
    put(stored, 1, None, "encoding", folder)
    assert (count(stored, schema.blob), count(stored, schema.blob_chunk)) == (blobs, chunks)


def test_a_large_file_is_committed_a_few_chunks_at_a_time(
    database: Database, writer: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "CHUNK", 100)
    content = NOISE[: 100 * (2 * artifacts.CHUNKS_AT_ONCE) + 50]
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "large.bin").write_bytes(content)
    sizes: list[int] = []
    sa.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda c, cursor, statement, values, context, many: (
            sizes.append(len(values) if many else 1) if "INTO blob_chunk" in statement else None
        ),
    )
    put(database, writer.run, None, "encoding", tmp_path / "model")
    assert sizes == [artifacts.CHUNKS_AT_ONCE, artifacts.CHUNKS_AT_ONCE, 1]
    artifacts.get(database, writer.run, None, "encoding", tmp_path / "back")
    assert (tmp_path / "back" / "large.bin").read_bytes() == content


def flipped(database: Database) -> None:
    with database.read() as connection:
        data = connection.execute(
            sa.select(schema.blob_chunk.c.data).where(chunks_of(NOISE), schema.blob_chunk.c.number == 1)
        ).scalar_one()
    other = bytearray(data)
    other[1000] ^= 1
    change(
        database,
        sa.update(schema.blob_chunk).where(chunks_of(NOISE), schema.blob_chunk.c.number == 1).values(data=bytes(other)),
    )


def missing(database: Database) -> None:
    change(database, sa.delete(schema.blob_chunk).where(chunks_of(NOISE), schema.blob_chunk.c.number == 1))


def swapped(database: Database) -> None:
    numbers = {0: 100, 1: 0, 100: 1}
    for old, new in numbers.items():
        change(
            database,
            sa.update(schema.blob_chunk).where(chunks_of(NOISE), schema.blob_chunk.c.number == old).values(number=new),
        )


def truncated(database: Database) -> None:
    change(
        database,
        sa.update(schema.blob_chunk)
        .where(chunks_of(NOISE), schema.blob_chunk.c.number == 2)
        .values(data=sa.func.substr(schema.blob_chunk.c.data, 1, 10)),
    )


def emptied(database: Database) -> None:
    change(database, sa.update(schema.blob_chunk).where(chunks_of(NOISE)).values(data=b""))


def lengthened(database: Database) -> None:
    change(
        database,
        sa.update(schema.blob_chunk)
        .where(chunks_of(NOISE), schema.blob_chunk.c.number == 2)
        .values(data=b"x" * (2 * CHUNK)),
    )


def shortened_by_its_row(database: Database) -> None:
    change(database, sa.update(schema.blob).where(schema.blob.c.sha256 == sha(NOISE)).values(size=CHUNK))


def enlarged_by_its_row(database: Database) -> None:
    change(
        database,
        sa.update(schema.blob).where(schema.blob.c.sha256 == sha(NOISE)).values(size=len(NOISE) + artifacts.CHUNK),
    )


def of_another_codec(database: Database) -> None:
    change(database, sa.update(schema.blob).where(schema.blob.c.sha256 == sha(NOISE)).values(codec="zstd"))


def of_another_file(database: Database) -> None:
    change(
        database,
        sa.update(schema.blob_chunk)
        .where(chunks_of(NOISE), schema.blob_chunk.c.number == 0)
        .values(data=sa.select(schema.blob_chunk.c.data).where(chunks_of(b"1")).scalar_subquery()),
    )


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        missing,
        swapped,
        truncated,
        emptied,
        lengthened,
        shortened_by_its_row,
        enlarged_by_its_row,
        of_another_codec,
        of_another_file,
    ],
)
def test_a_damaged_file_is_refused_by_name_and_not_left_for_anyone_to_parse(
    stored: Database, tmp_path: Path, damage: Callable[[Database], None]
) -> None:
    damage(stored)
    with pytest.raises(StoreError) as caught:
        artifacts.get(stored, 1, None, "encoding", tmp_path / "back")
    assert str(caught.value) == (
        f"encoding file noise.bin in {stored.name} is damaged: its content does not match its hash {sha(NOISE)[:12]}"
    )
    assert not (tmp_path / "back" / "noise.bin").exists()


def test_a_damaged_compressed_file_is_refused(stored: Database, tmp_path: Path) -> None:
    change(stored, sa.update(schema.blob_chunk).where(chunks_of(TEXT)).values(data=b"\x28\xb5\x2f\xfdnonsense"))
    with pytest.raises(StoreError, match=r"encoding file text\.txt in .* is damaged"):
        artifacts.get(stored, 1, None, "encoding", tmp_path / "back")


def test_a_file_that_is_gone_is_refused_by_name(stored: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(stored.name)) as connection:  # foreign keys are off outside
        connection.execute("DELETE FROM blob WHERE sha256 = ?", (sha(NOISE),))
        connection.commit()
    with pytest.raises(StoreError, match=r"encoding file noise\.bin is missing from"):
        artifacts.get(stored, 1, None, "encoding", tmp_path / "back")


def test_a_file_inside_of_another_is_found_by_the_check(stored: Database) -> None:
    where = sa.and_(schema.artifact.c.kind == "encoding", schema.artifact.c.sha256 == sha(NOISE))
    change(stored, sa.update(schema.artifact).where(where).values(path="text.txt/noise.bin"))
    assert check.damaged_artifacts(stored) == [
        "an artifact has two files of the name 'text.txt', or files inside of it",
    ]


def test_names_that_differ_by_case_alone_come_back(database: Database, writer: RunWriter, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("U_.npz", "u_.npz"):
        (tmp_path / "model" / name).write_text(name)
    if len(files(tmp_path / "model")) == 1:
        pytest.skip("this file system knows no case")
    put(database, writer.run, None, "encoding", tmp_path / "model")
    artifacts.get(database, writer.run, None, "encoding", tmp_path / "back")
    assert files(tmp_path / "back") == files(tmp_path / "model")


def test_a_file_is_not_written_over_another(stored: Database, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "one.bin").write_text("of a file system that knows no case")
    with pytest.raises(StoreError, match=r"encoding file one\.bin cannot be written here, where 'one\.bin' is there"):
        artifacts.get(stored, 1, None, "encoding", tmp_path / "back")
    assert (tmp_path / "back" / "one.bin").read_text() == "of a file system that knows no case"


def test_contents_that_runs_share_are_checked_once(
    stored: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stored, 1, None, "model", folder)
    asked: list[str] = []
    monkeypatch.setattr(artifacts, "check_file", lambda database, sha256, name: asked.append(sha256))
    assert check.damaged_artifacts(stored) == []
    assert sorted(asked) == sorted(map(sha, {TEXT, NOISE, NOISE[:CHUNK], b"1", b"", b"{}"}))


def test_a_database_that_cannot_be_read_now_is_not_called_damaged(
    stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise StoreFailure("database is locked")

    monkeypatch.setattr(artifacts, "check_file", locked)
    with pytest.raises(StoreFailure, match="locked"):
        check.problems(stored)


def test_what_was_not_kept_is_said_so(stored: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="keeps no model there"):
        artifacts.get(stored, 1, None, "model", tmp_path / "back")


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "a/../../outside",
        "..",
        "/tmp/outside",
        "//outside",
        "",
        ".",
        "C:\\outside",
        "C:outside",
        "a\\..\\..\\outside",
        "file:stream",
    ],
)
def test_a_path_that_leads_out_of_its_folder_is_refused_before_anything_is_written(
    database: Database, writer: RunWriter, tmp_path: Path, path: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"1")
    put(database, writer.run, None, "encoding", tmp_path / "in")
    change(database, sa.update(schema.artifact).values(path=path))
    before = files(tmp_path)
    with pytest.raises(StoreError, match="is no plain relative path"):
        artifacts.get(database, writer.run, None, "encoding", tmp_path / "back")
    after = files(tmp_path)
    for found in (before, after):
        found.pop("workbench.db", None)
    assert after == before


@pytest.mark.parametrize("name", ["a:b.bin", "a\\b.bin"])
def test_a_file_that_could_not_be_written_back_is_not_stored(
    database: Database, writer: RunWriter, tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(b"1")
    with pytest.raises(StoreError, match="is no plain relative path"):
        put(database, writer.run, None, "encoding", tmp_path / "in")
    assert count(database, schema.artifact) == 0


def linked_file(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")


def linked_folder(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(folder.parent / "elsewhere")


def dangling(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "nothing")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "link")


@pytest.mark.parametrize("make", [linked_file, linked_folder, dangling, pipe])
def test_a_link_or_no_plain_file_is_refused_by_name(
    database: Database, writer: RunWriter, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    make(folder)
    with pytest.raises(StoreError, match="link is a link or no plain file, and is not kept"):
        put(database, writer.run, None, "encoding", folder)
    assert count(database, schema.artifact) == count(database, schema.blob) == 0


def test_a_folder_without_a_file_is_kept_as_nothing(database: Database, writer: RunWriter, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    put(database, writer.run, None, "encoding", tmp_path / "in")
    assert count(database, schema.artifact) == 0


class Stop(Exception):
    """Stands for whatever ends the owner of a run."""


def test_no_row_names_a_half_written_file_and_the_next_attempt_writes_it_whole(
    database: Database, writer: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "noise.bin").write_bytes(NOISE)
    groups = artifacts._groups

    def stopping(*args: Any) -> Iterator[list[dict[str, object]]]:
        group = next(iter(groups(*args)))
        yield [{**group[0], "data": b"half"}]
        raise Stop

    monkeypatch.setattr(artifacts, "_groups", stopping)
    with pytest.raises(Stop):
        put(database, writer.run, None, "encoding", folder)
    assert count(database, schema.artifact) == 0
    with database.read() as connection:
        assert connection.execute(sa.select(schema.blob.c.complete)).scalars().all() == [False]
    monkeypatch.undo()
    put(database, writer.run, None, "encoding", folder)
    artifacts.get(database, writer.run, None, "encoding", tmp_path / "back")
    assert (tmp_path / "back" / "noise.bin").read_bytes() == NOISE
    assert count(database, schema.blob_chunk) == 3


def test_two_runs_that_store_equal_content_at_once_both_succeed(
    database: Database, writer: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "noise.bin").write_bytes(NOISE)
    groups = artifacts._groups

    def interrupted(*args: Any) -> Iterator[list[dict[str, object]]]:
        monkeypatch.setattr(artifacts, "_groups", groups)
        put(database, writer.run, None, "encoding", folder)
        yield from groups(*args)

    monkeypatch.setattr(artifacts, "_groups", interrupted)
    put(database, writer.run, None, "encoding", folder)
    artifacts.get(database, writer.run, None, "encoding", tmp_path / "back")
    assert (tmp_path / "back" / "noise.bin").read_bytes() == NOISE


def test_models_that_are_kept_are_listed_best_first(
    database: Database, writer: RunWriter, score_trial: Callable[..., str], tmp_path: Path
) -> None:
    ids = [score_trial(0.5, id=start.ljust(32, "0")) for start in ("aaaa", "bbbb", "cccc")]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"1")
    ranks = {id: FinalistRow({"final_rank": rank}) for id, rank in zip(ids, (2, 1, 3), strict=True)}
    writer.finalists_ended(ranks, dict.fromkeys(ids[:2], writer.stage(tmp_path / "in")))
    assert artifacts.trials_kept(database, writer.run) == ["bbbb", "aaaa"]
    assert artifacts.exists(database, writer.run, 1, "model")
    assert not artifacts.exists(database, writer.run, 3, "model")
