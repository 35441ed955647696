"""What operators are told of feeds, and changes of reports that alerts rest on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
DOCUMENT = sa.Text().with_variant(postgresql.JSON(), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "feed_events",
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("feed_id", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("told_at", TIME),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_feed_events"),
    )
    _partial("ix_feed_events_untold", "feed_events", ["at", "event_id"], "told_at IS NULL")
    _partial("ix_feed_events_told_at", "feed_events", ["told_at"], "told_at IS NOT NULL")
    op.create_index("ix_feed_events_at", "feed_events", ["at", "event_id"])
    op.create_index("ix_feed_events_feed_id_at", "feed_events", ["feed_id", "at", "event_id"])
    op.create_table(
        "corrections",
        sa.Column("item_id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("noted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_corrections"),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], ondelete="CASCADE", name="fk_corrections_item_id"
        ),
    )
    op.create_index("ix_corrections_noted_at", "corrections", ["noted_at", "item_id"])


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("corrections")
    op.drop_table("feed_events")
