"""What grouping learned of terms, and the way to a story's members."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "story_terms",
        sa.Column("language", NAME, nullable=False),
        sa.Column("term", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("language", "term", name="pk_story_terms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_members_story_id", "story_members", ["story_id", "event_at", "item_id"])


def downgrade() -> None:
    """Remove both."""
    op.drop_index("ix_story_members_story_id", "story_members")
    op.drop_table("story_terms")
