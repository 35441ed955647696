"""Alembic migrations: the history of the schema, for both engines."""
