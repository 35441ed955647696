"""Which hits of a rule are the newest: what embeddings compare a new one with."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_hits_rule_id", "hits", ["rule_id", "event_at", "item_id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_hits_rule_id", table_name="hits")
