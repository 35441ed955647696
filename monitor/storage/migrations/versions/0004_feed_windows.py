"""What each feed's last document showed, so that only new entries are parsed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table: it fills with each feed's next document."""
    op.create_table(
        "feed_windows",
        sa.Column("feed_id", NAME, nullable=False),
        sa.Column("shown", NAME, nullable=False),
        sa.PrimaryKeyConstraint("feed_id", name="pk_feed_windows"),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.feed_id"], ondelete="CASCADE", name="fk_feed_windows_feed_id"
        ),
    )


def downgrade() -> None:
    """Remove it: every document is read whole."""
    op.drop_table("feed_windows")
