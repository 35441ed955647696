"""The first schema.

It spells its types and names itself, so that it stays what it was when the tables change later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.BigInteger().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
DOCUMENT = sa.Text().with_variant(postgresql.JSON(), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _make_schedule()
    _make_items()
    _make_stories()
    _make_alerts()
    _make_decisions()
    _make_outbox()


def _make_schedule() -> None:
    op.create_table(
        "small_values",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_small_values"),
    )
    op.create_table(
        "leases",
        sa.Column("name", NAME, nullable=False),
        sa.Column("token", NAME, nullable=False),
        sa.Column("lease_until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "hosts",
        sa.Column("host", NAME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("free_at", TIME, nullable=False),
        sa.Column("token", NAME, nullable=False),
        sa.Column("lease_until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_hosts"),
    )
    op.create_index("ix_hosts_due_at", "hosts", ["due_at"])
    op.create_table(
        "feeds",
        sa.Column("feed_id", NAME, nullable=False),
        sa.Column("url", NAME, nullable=False),
        sa.Column("host", NAME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("feed_id", name="pk_feeds"),
        sa.ForeignKeyConstraint(["host"], ["hosts.host"], name="fk_feeds_host"),
    )
    op.create_index("ix_feeds_host_due_at", "feeds", ["host", "due_at", "feed_id"])


def _make_items() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", NAME, nullable=False),
        sa.Column("feed_id", NAME, nullable=False),
        sa.Column("key", DOCUMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_hash", NAME, nullable=False),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("absent_at", TIME, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_items"),
    )
    _partial_index("ix_items_absent_at", "items", ["absent_at"], "absent_at IS NOT NULL")
    op.create_index("ix_items_feed_id_first_seen_at", "items", ["feed_id", "first_seen_at", "item_id"])
    op.create_index("ix_items_first_seen_at", "items", ["first_seen_at", "item_id"])
    _partial_index("ix_items_present", "items", ["feed_id", "item_id"], "absent_at IS NULL")
    op.create_table(
        "item_keys",
        sa.Column("feed_id", NAME, nullable=False),
        sa.Column("key_hash", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("item_id", NAME, nullable=False),
        sa.Column("is_alias", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "key_hash", name="pk_item_keys"),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], name="fk_item_keys_item_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_item_keys_item_id", "item_keys", ["item_id"])
    op.create_table(
        "hits",
        sa.Column("hit_id", NAME, nullable=False),
        sa.Column("rule_id", NAME, nullable=False),
        sa.Column("item_id", NAME, nullable=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("hit_at", TIME, nullable=False),
        sa.Column("handled_at", TIME, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("hit_id", name="pk_hits"),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="fk_hits_item_id", ondelete="CASCADE"),
        sa.UniqueConstraint("item_id", "rule_id", name="uq_hits_item_id_rule_id"),
    )
    _partial_index(
        "ix_hits_pending", "hits", ["event_at", "hit_at", "item_id", "rule_id"], "handled_at IS NULL"
    )
    _partial_index("ix_hits_pending_item", "hits", ["item_id"], "handled_at IS NULL")


def _make_stories() -> None:
    op.create_table(
        "story_members",
        sa.Column("item_id", NAME, nullable=False),
        sa.Column("story_id", NAME, nullable=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("url_hash", sa.BigInteger(), nullable=True),
        sa.Column("title_hash", sa.BigInteger(), nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_story_members"),
        sa.ForeignKeyConstraint(
            ["item_id"], ["items.item_id"], name="fk_story_members_item_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_story_members_title_hash", "story_members", ["title_hash", "event_at"])
    op.create_index("ix_story_members_url_hash", "story_members", ["url_hash", "event_at"])
    op.create_table(
        "story_postings",
        sa.Column("term", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("event_at", TIME, nullable=False),
        sa.Column("item_id", NAME, nullable=False),
        sa.PrimaryKeyConstraint("term", "event_at", "item_id", name="pk_story_postings"),
        sa.ForeignKeyConstraint(
            ["item_id"], ["story_members.item_id"], name="fk_story_postings_item_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_postings_item_id", "story_postings", ["item_id"])


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("rule_id", NAME, nullable=False),
        sa.Column("group_key", NAME, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("last_hit_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
        sa.UniqueConstraint(
            "rule_id", "group_key", "generation", name="uq_alerts_rule_id_group_key_generation"
        ),
    )
    _partial_index("ix_alerts_closed_at", "alerts", ["closed_at"], "closed_at IS NOT NULL")
    op.create_index("ix_alerts_last_hit_at", "alerts", ["last_hit_at", "alert_id"])
    op.create_index("ix_alerts_state_last_hit_at", "alerts", ["state", "last_hit_at", "alert_id"])
    op.create_table(
        "alert_items",
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("item_id", NAME, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "item_id", name="pk_alert_items"),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name="fk_alert_items_alert_id", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_alert_items_item_id", "alert_items", ["item_id"])
    op.create_table(
        "alert_revisions",
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "revision", name="pk_alert_revisions"),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name="fk_alert_revisions_alert_id", ondelete="CASCADE"
        ),
    )


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("recipient_id", NAME, nullable=False),
        sa.Column("outcome", NAME, nullable=False),
        sa.Column("rendered", sa.Boolean(), nullable=False),
        sa.Column("batch", NAME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "revision", "recipient_id", name="pk_decisions"),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.alert_id"], name="fk_decisions_alert_id", ondelete="CASCADE"
        ),
    )
    _partial_index("ix_decisions_due_at", "decisions", ["due_at"], "due_at IS NOT NULL")
    op.create_table(
        "decision_notifications",
        sa.Column("notification_id", NAME, nullable=False),
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("recipient_id", NAME, nullable=False),
        sa.PrimaryKeyConstraint(
            "notification_id", "alert_id", "revision", "recipient_id", name="pk_decision_notifications"
        ),
        sa.ForeignKeyConstraint(
            ["alert_id", "revision", "recipient_id"],
            ["decisions.alert_id", "decisions.revision", "decisions.recipient_id"],
            name="fk_decision_notifications_decision",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_decision_notifications_decision",
        "decision_notifications",
        ["alert_id", "revision", "recipient_id"],
    )


def _make_outbox() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", NAME, nullable=False),
        sa.Column("recipient_id", NAME, nullable=False),
        sa.Column("channel", NAME, nullable=False),
        sa.Column("alert_id", NAME, nullable=False),
        sa.Column("order_key", NAME, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", NAME, nullable=False),
        sa.Column("last_attempt_at", TIME, nullable=True),
        sa.Column("sent_at", TIME, nullable=True),
        sa.Column("token", NAME, nullable=False),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_alert_id", "notifications", ["alert_id"])
    op.create_index("ix_notifications_created_at", "notifications", ["created_at", "notification_id"])
    _partial_index(
        "ix_notifications_due",
        "notifications",
        ["recipient_id", "due_at", "notification_id"],
        "state = 'pending'",
    )
    _partial_index("ix_notifications_ended_at", "notifications", ["ended_at"], "ended_at IS NOT NULL")
    _partial_index(
        "ix_notifications_leased", "notifications", ["lease_until", "recipient_id"], "lease_until IS NOT NULL"
    )
    _partial_index("ix_notifications_order", "notifications", ["order_key", "sequence"], "state = 'pending'")
    op.create_index("ix_notifications_recipient_id", "notifications", ["recipient_id", "created_at"])


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Remove every table, those that refer to others first."""
    op.drop_table("notifications")
    op.drop_table("decision_notifications")
    op.drop_table("decisions")
    op.drop_table("alert_revisions")
    op.drop_table("alert_items")
    op.drop_table("alerts")
    op.drop_table("story_postings")
    op.drop_table("story_members")
    op.drop_table("hits")
    op.drop_table("item_keys")
    op.drop_table("items")
    op.drop_table("feeds")
    op.drop_table("hosts")
    op.drop_table("leases")
    op.drop_table("small_values")
