"""Alembic's entry: runs the migrations on the connection that `monitor.storage.migrate` hands over."""

from __future__ import annotations

from alembic import context

from monitor.storage.migrate import VERSION_TABLE
from monitor.storage.tables import metadata

# The transaction, and the lock against a second process, belong to the caller. SQLite can roll back
# DDL as PostgreSQL does, which Alembic does not expect of it.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
