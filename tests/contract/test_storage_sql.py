"""What only the SQL back ends promise: schema, URLs, files, errors, several processes, sudden death."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from monitor.errors import ConfigurationError, SchemaTooNewError, SchemaTooOldError, StorageError
from monitor.storage import migrate
from monitor.storage.sql import SqlStorage
from monitor.storage.tables import metadata
from monitor.storage.urls import read_url, shown
from tests.contract.places import command, make_database
from tests.factories import T0, make_item, make_notification, make_seed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def empty_url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/monitor.db"
    name = f"empty_{tmp_path.name}".replace("-", "_").lower()[:60]
    return await make_database(request.getfixturevalue("postgres_url"), name)


async def execute(url, statement):
    """Run one statement behind the product's back."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(exist_ok=True)
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
    else:
        await command(url, statement)


async def opened(url, **options):
    storage = SqlStorage(url, **options)
    await storage.open()
    return storage


# --- schema ---


async def test_an_empty_database_is_migrated_at_once(empty_url):
    storage = await opened(empty_url)
    await storage.set_value("a", "1")
    assert await storage.migrate() == (migrate.newest(), migrate.newest())
    await storage.close()
    again = await opened(empty_url)
    assert await again.get_value("a") == "1"
    await again.close()


async def test_migrate_says_from_where_to_where(empty_url):
    storage = SqlStorage(empty_url)
    assert await storage.migrate() == ("", migrate.newest())
    await storage.close()


async def test_migrations_and_tables_agree(empty_url):
    await (await opened(empty_url)).close()
    url = read_url(empty_url)

    def differences(connection):
        options = {"compare_type": True, "version_table": migrate.VERSION_TABLE}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    # Without our handling of JSON, which reflection uses.
    if url.get_backend_name() == "sqlite":
        plain = create_engine(url)
        with plain.connect() as connection:
            assert differences(connection) == []
        plain.dispose()
        return
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_migrations_can_be_undone(empty_url):
    storage = await opened(empty_url)

    def undo(connection):
        from alembic import command as alembic_command

        config = migrate._config()
        config.attributes["connection"] = connection
        alembic_command.downgrade(config, "base")

    await storage._engine.write(undo)
    assert await storage.migrate() == ("", migrate.newest())
    await storage.close()


async def test_a_newer_schema_is_refused(empty_url):
    await (await opened(empty_url)).close()
    await execute(empty_url, f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")
    storage = SqlStorage(empty_url)
    for attempt in (storage.open, storage.migrate):
        with pytest.raises(SchemaTooNewError, match="newer version"):
            await attempt()
    await storage.close()


def test_an_older_schema_is_refused():
    """There is one revision yet, so the program that knows two is described and not built."""
    migrate.judge("0002", ["0002", "0001"], "somewhere")
    with pytest.raises(SchemaTooOldError, match="monitor migrate"):
        migrate.judge("0001", ["0002", "0001"], "somewhere")


async def test_another_programs_database_is_refused(empty_url):
    await execute(empty_url, "CREATE TABLE customers (id INTEGER)")
    storage = SqlStorage(empty_url)
    for attempt in (storage.open, storage.migrate):
        with pytest.raises(StorageError, match="another program \\(customers\\)"):
            await attempt()
    await storage.close()


OPEN = """
import asyncio, sys
from monitor.storage.sql import SqlStorage

async def main():
    storage = SqlStorage(sys.argv[1])
    await storage.open()
    await storage.set_value(sys.argv[2], "here")
    await storage.close()

asyncio.run(main())
"""


async def test_first_starts_at_the_same_time(empty_url):
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPEN, empty_url, f"w{n}", cwd=ROOT, stderr=subprocess.PIPE
        )
        for n in range(3)
    ]
    ends = await asyncio.gather(*(worker.communicate() for worker in workers))
    assert [
        (worker.returncode, error.decode()) for worker, (_, error) in zip(workers, ends, strict=True)
    ] == [(0, "")] * 3
    storage = await opened(empty_url)
    assert [await storage.get_value(f"w{n}") for n in range(3)] == ["here"] * 3
    await storage.close()


async def test_first_starts_at_the_same_time_in_one_process(empty_url):
    stores = await asyncio.gather(*(opened(empty_url) for _ in range(4)))
    await asyncio.gather(*(store.close() for store in stores))


# --- several processes ---

CLAIM = """
import asyncio, json, sys
from datetime import datetime, timedelta, UTC
from monitor.storage.sql import SqlStorage

async def main():
    storage = SqlStorage(sys.argv[1])
    await storage.open()
    now, lease = datetime(2026, 3, 12, 9, tzinfo=UTC), timedelta(minutes=1)
    hosts, notes = [], []
    while True:
        claims = await storage.claim_hosts(now, limit=3, per_host=1, lease=lease)
        claimed = await storage.claim_notifications(now, limit=3, per_recipient=99, lease=lease)
        hosts += [claim.host for claim in claims]
        notes += [one.notification_id for one in claimed]
        if not claims and not claimed:
            break
    await storage.close()
    print(json.dumps([hosts, notes]))

asyncio.run(main())
"""


async def test_processes_never_share_work(sql_place):
    storage = await opened(sql_place.url)
    await storage.sync_feeds([make_seed(f"f{n:03}") for n in range(90)], T0)
    rows = [make_notification(str(n), recipient_id=f"r{n % 5}") for n in range(90)]
    await storage.add_notifications(rows)
    await storage.close()
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLAIM, sql_place.url, cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    answers = [json.loads((await worker.communicate())[0]) for worker in workers]
    hosts = [host for answer in answers for host in answer[0]]
    notes = [note for answer in answers for note in answer[1]]
    assert sorted(hosts) == [f"f{n:03}.example" for n in range(90)]
    assert sorted(notes) == sorted(row.notification_id for row in rows)


# --- sudden death ---

COMMIT = """
import asyncio, sys
from datetime import timedelta
from monitor.storage.base import PollCommit
from monitor.storage.sql import SqlStorage
from tests.factories import T0, make_hit, make_item, make_seed

async def main():
    storage = SqlStorage(sys.argv[1])
    await storage.open()
    await storage.sync_feeds([make_seed()], T0)
    (held,) = await storage.claim_hosts(T0, limit=1, per_host=1, lease=timedelta(hours=1))
    first = (await storage.counts(T0)).items
    print("ready", flush=True)
    for poll in range(first // 20, 10_000):
        names = [f"{poll}-{n}" for n in range(20)]
        items = tuple(make_item(name) for name in names)
        hits = tuple(make_hit(name) for name in names)
        await storage.commit_poll(held, PollCommit(held.feeds[0], items, hits=hits), T0)
        print(poll, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_leaves_whole_polls(tmp_path):
    """Five kills while commits run: what was acknowledged is there, and nothing is there in part."""
    url = f"sqlite:///{tmp_path}/monitor.db"
    acknowledged = -1
    for lives in (3, 9, 1, 14, 6):
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COMMIT, url, cwd=ROOT, stdout=subprocess.PIPE
        )
        assert (await worker.stdout.readline()).strip() == b"ready"
        for _ in range(lives):
            acknowledged = int(await worker.stdout.readline())
        os.kill(worker.pid, signal.SIGKILL)
        rest, _ = await worker.communicate()
        acknowledged = max([acknowledged, *map(int, rest.split())])
        storage = await opened(url)
        counts = await storage.counts(T0)
        assert counts.items % 20 == 0
        assert counts.items == counts.hits == counts.hits_pending
        assert counts.items // 20 - 1 in (acknowledged, acknowledged + 1)  # the last may not have been told
        (claim,) = await storage.claim_hosts(T0.replace(hour=23), limit=1, per_host=1, lease=T0 - T0)
        await storage.release_host(claim, free_at=T0)
        await storage.close()
        with sqlite3.connect(tmp_path / "monitor.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()


# --- SQLite's file ---


async def test_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "a" / "b" / "monitor.db"
    storage = await opened(f"sqlite:///{path}")
    await storage.set_value("a", "1")
    assert {f.name: f.stat().st_mode & 0o777 for f in path.parent.iterdir()} == {
        "monitor.db": 0o600, "monitor.db-wal": 0o600, "monitor.db-shm": 0o600,
    }  # fmt: skip
    await storage.close()


async def test_settings_of_connections(tmp_path):
    storage = await opened(f"sqlite:///{tmp_path}/monitor.db")

    def ask(connection):
        names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await storage._engine.write(ask) == ["wal", 1, 1, 30_000]
    assert await storage._engine.write_durably(ask) == ["wal", 1, 2, 30_000]
    assert await storage._engine.write(ask) == ["wal", 1, 1, 30_000]
    await storage.close()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"not a database at all, but long enough" * 99), "no SQLite database"),
        (lambda path: path.mkdir(), "cannot be opened"),
    ],
    ids=["garbage", "directory"],
)
async def test_a_file_that_is_no_database(tmp_path, spoil, message):
    spoil(tmp_path / "monitor.db")
    storage = SqlStorage(f"sqlite:///{tmp_path}/monitor.db")
    with pytest.raises(StorageError, match=message) as caught:
        await storage.open()
    assert "\n" not in str(caught.value)
    assert "monitor.db" in str(caught.value)
    await storage.close()


async def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    storage = SqlStorage(f"sqlite:///{tmp_path}/file/monitor.db")
    with pytest.raises(StorageError, match=r"file/monitor\.db"):
        await storage.open()
    await storage.close()


async def test_a_file_that_another_process_keeps(tmp_path):
    from datetime import timedelta

    storage = await opened(f"sqlite:///{tmp_path}/monitor.db", busy_timeout=timedelta(milliseconds=50))
    blocker = sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="another process kept the database"):
        await storage.set_value("a", "1")
    assert await storage.get_value("a") is None  # reading goes on
    blocker.execute("ROLLBACK")
    blocker.close()
    await storage.set_value("a", "2")
    await storage.close()


# --- backup ---


async def test_a_backup_is_a_whole_store(tmp_path):
    storage = await opened(f"sqlite:///{tmp_path}/monitor.db")
    await storage.add_notifications([make_notification(str(n)) for n in range(50)])
    copy = tmp_path / "copy.db"
    await storage.backup(str(copy))
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "copy.db.part").exists()
    await storage.add_notifications([make_notification("later")])
    restored = await opened(f"sqlite:///{copy}")
    assert (await restored.counts(T0)).notifications_pending == 50
    await restored.close()
    with pytest.raises(StorageError, match="the file exists"):
        await storage.backup(str(copy))
    with pytest.raises(StorageError, match="nowhere"):
        await storage.backup(str(tmp_path / "nowhere" / "copy.db"))
    await storage.close()


@pytest.mark.postgres
async def test_postgresql_has_its_own_backup(postgres_database, tmp_path):
    storage = await opened(postgres_database)
    with pytest.raises(StorageError, match="pg_dump"):
        await storage.backup(str(tmp_path / "copy"))
    await storage.close()


# --- PostgreSQL's errors ---


@pytest.mark.postgres
async def test_the_servers_clock(postgres_database):
    storage = await opened(postgres_database)
    first, second = await storage.ping(), await storage.ping()
    assert first < second
    await storage.close()


@pytest.mark.parametrize("port", [1])
async def test_a_server_that_is_not_there(port):
    storage = SqlStorage(f"postgresql://monitor:s3cret@127.0.0.1:{port}/monitor")
    with pytest.raises(StorageError, match=r"127\.0\.0\.1.*check that the server runs") as caught:
        await storage.open()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    await storage.close()


@pytest.mark.postgres
async def test_a_database_that_is_not_there(postgres_url):
    storage = SqlStorage(postgres_url.replace("/postgres?", "/nowhere?"))
    with pytest.raises(StorageError, match="createdb"):
        await storage.open()
    await storage.close()


@pytest.mark.postgres
async def test_a_dropped_connection_is_made_anew(postgres_url, postgres_database):
    """The server ends every session; the next transaction has changed nothing and is tried again."""
    storage = await opened(postgres_database)
    await asyncio.gather(*(storage.set_value(f"a{n}", "1") for n in range(5)))
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'monitor_contract'"
    await command(postgres_url, end)
    assert await storage.get_value("a1") == "1"
    await command(postgres_url, end)
    await storage.set_value("a1", "2")
    assert await storage.get_value("a1") == "2"
    await storage.close()


# --- URLs ---


@pytest.mark.parametrize(
    ("text", "driver", "seen"),
    [
        ("sqlite:///var/monitor.db", "sqlite+pysqlite", "sqlite:///var/monitor.db"),
        ("sqlite+aiosqlite:////srv/monitor.db", "sqlite+pysqlite", "sqlite:////srv/monitor.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg", "postgresql://u:***@h/d"),
        ("postgresql://u:p@h:5433/d", "postgresql+asyncpg", "postgresql://u:***@h:5433/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg", "postgresql://u@h/d"),
        ("postgresql://h/d?password=p", "postgresql+asyncpg", "postgresql://h/d?password=***"),
        ("postgresql://h/d?sslmode=require", "postgresql+asyncpg", "postgresql://h/d?ssl=require"),
    ],
)
def test_urls(text, driver, seen):
    url = read_url(text)
    assert url.drivername == driver
    assert shown(url).replace("%2A", "*") == seen


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("monitor.db", "cannot be read"),
        ("mysql://u:s3cret@h/d", 'begins with "mysql"'),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://var/monitor.db", "three slashes"),
        ("postgresql://u:s3cret@h:port/d", "cannot be read"),
    ],
)
def test_urls_that_cannot_be_used(text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        SqlStorage(text)
    assert "s3cret" not in str(caught.value)


async def test_a_damaged_document_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/monitor.db"
    storage = await opened(url)
    await storage.add_notifications([make_notification("a")])
    await execute(url, "UPDATE notifications SET document = '{\"v\": 1}'")
    with pytest.raises(StorageError, match="a stored Notification cannot be read"):
        await storage.notifications()
    await execute(url, "UPDATE notifications SET document = '{\"v\": 2}'")
    with pytest.raises(SchemaTooNewError, match="format 2"):
        await storage.notifications()
    await storage.close()


async def test_a_statement_for_each_table_and_not_for_each_row(tmp_path):
    """Commits and claims of many rows take as many statements as those of a few."""
    from sqlalchemy import event

    storage = await opened(f"sqlite:///{tmp_path}/monitor.db")
    seen = []
    event.listen(
        storage._engine.connections.sync_engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: seen.append(statement),
    )

    async def statements(rows):
        seen.clear()
        notes = [make_notification(f"{rows}-{n}", recipient_id=f"r{n}") for n in range(rows)]
        await storage.add_notifications(notes)
        await storage.claim_notifications(T0, limit=rows, per_recipient=9, lease=T0 - T0.replace(hour=0))
        return len(seen)

    await statements(1)  # a new connection is set up once
    assert await statements(3) == await statements(200)
    await storage.close()


def test_items_are_frozen_values():
    """The twin hands out what it keeps: nobody can change it."""
    with pytest.raises(AttributeError):
        make_item().title = "Other"
    assert replace(make_item(), title="Other") != make_item()


async def test_a_deleted_database_file_is_noticed(tmp_path):
    """SQLite would go on writing into the deleted file, and lose it all at the end."""
    path = tmp_path / "monitor.db"
    storage = SqlStorage(f"sqlite:///{path}")
    await storage.open()
    try:
        await storage.ping()
        path.unlink()
        with pytest.raises(StorageError, match="deleted or replaced"):
            await storage.ping()
        path.write_bytes(b"")
        with pytest.raises(StorageError, match="deleted or replaced"):
            await storage.ping()
    finally:
        await storage.close()
