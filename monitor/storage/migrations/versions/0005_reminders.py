"""When to look whether somebody has to be reminded of an alert."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    """Add the column; an alert that is open already gets its timer with what next asks for it."""
    op.add_column("alerts", sa.Column("remind_at", TIME, nullable=True))
    present = sa.text("remind_at IS NOT NULL")
    op.create_index(
        "ix_alerts_remind_at",
        "alerts",
        ["remind_at", "alert_id"],
        sqlite_where=present,
        postgresql_where=present,
    )


def downgrade() -> None:
    """Remove it: nobody is reminded."""
    op.drop_index("ix_alerts_remind_at", table_name="alerts")
    op.drop_column("alerts", "remind_at")
