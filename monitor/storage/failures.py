"""What a driver's error means, in one line: what happened, where, and what to do."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

# SQLSTATE (PostgreSQL, appendix A) and what to do. An entry of two characters stands for its class.
SQLSTATES = {
    "23503": "a row refers to something that is not stored; nothing was changed",
    "25006": "the server is read-only: point the URL at the primary",
    "28": "the server refused the user or password: check the URL, and pg_hba.conf on the server",
    "3D000": "there is no such database: create it first (createdb)",
    "42501": "the user may not do this: grant it the rights on the database and its schema",
    "53100": "the server's disk is full: free space there",
    "53300": "the server has no connection left: raise max_connections, or run fewer workers",
    "57014": "the statement was cancelled by a time limit of the server",
    "57": "the server is stopping or starting: the work is tried again",
    "08": "the connection was lost: check that the server runs and can be reached",
}
# Beginnings of SQLite's messages (sqlite3_errstr) and what to do.
SQLITE = {
    "FOREIGN KEY constraint failed": "a row refers to something that is not stored; nothing was changed",
    "database is locked": "another process kept the database to itself for too long: "
    "look for a second daemon, a backup tool or an open sqlite3 shell",
    "database or disk is full": "the disk is full: free space, then go on",
    "attempt to write a readonly database": "the file or its directory may not be written: "
    "check the owner and rights of both",
    "unable to open database file": "the file cannot be opened: "
    "check that its directory exists and may be written",
    "file is not a database": "the file is no SQLite database: move it away, or name another file",
    "database disk image is malformed": "the file is damaged: restore a backup (see `monitor backup`)",
    "disk I/O error": "the disk failed to read or write: check the disk and its mount",
}
ROLLED_BACK = {"40001", "40P01"}  # serialization failure, deadlock: the server undid the transaction


def describe(error: BaseException, where: str) -> str:
    """Return one line about a driver's error, with `where` (a URL without password)."""
    cause = _cause(error)
    text = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return f"database {where}: {text}: {_advice(error, text)}"


def is_rolled_back(error: BaseException | None) -> bool:
    """Say whether the server undid the transaction, so that it can be tried again."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in ROLLED_BACK


def is_busy(error: BaseException | None) -> bool:
    """Say whether SQLite's file was locked by another process."""
    return isinstance(error, DBAPIError) and "database is locked" in str(error)


def _cause(error: BaseException) -> BaseException:
    """Return the driver's own exception, whose text is shortest."""
    while True:
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None:
            return error
        error = inner


def _sqlstate(error: BaseException) -> str:
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "sqlstate", None) or getattr(seen, "pgcode", None)
        if state:
            return str(state)
        seen = getattr(seen, "orig", None) or seen.__cause__
    return ""


def _advice(error: BaseException, text: str) -> str:
    state = _sqlstate(error)
    for key in (state, state[:2]):
        if key in SQLSTATES:
            return SQLSTATES[key]
    for beginning, advice in SQLITE.items():
        if beginning in text:
            return advice
    if isinstance(_cause(error), TimeoutError):
        return (
            "no connection became free or no answer came in time: the database is overloaded or unreachable"
        )
    cause = _cause(error)
    if isinstance(cause, OSError) and cause.filename:
        return "create the directory, or check who may write into it"
    if isinstance(cause, OSError):
        return "check that the server runs and that host, port and path are right"
    return "look into the database's own log"
