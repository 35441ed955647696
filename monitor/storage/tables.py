"""The schema, once for SQLite and PostgreSQL.

A value of `models` is stored whole in its row's `document`; beside it stand only the columns that
statements compare, order or change. Where a column is changed on its own (an outbox row's state, a
decision's outcome) the column is right and the document's field is stale: `rows.py` puts them together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from monitor.storage.columns import Document, Name, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial(name: str, *columns: str, where: str) -> Index:
    """Return an index of the few rows that match `where`: it stays small however large the table gets."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# Small durable values by name.
values = Table(
    "small_values",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", Document, nullable=False),  # a JSON string: any text survives
)

# Rights that one worker holds at a time in the whole installation.
leases = Table(
    "leases",
    metadata,
    Column("name", Name, primary_key=True),
    Column("token", Name, nullable=False),  # "" = free
    Column("lease_until", UtcTime, nullable=False),
)

# --- poll ---

hosts = Table(
    "hosts",
    metadata,
    Column("host", Name, primary_key=True),
    Column("due_at", UtcTime),  # earliest next poll among its scheduled feeds; NULL = none
    Column("free_at", UtcTime, nullable=False),  # politeness: not asked before
    Column("token", Name, nullable=False),
    Column("lease_until", UtcTime, nullable=False),
    Index("ix_hosts_due_at", "due_at"),
)

feeds = Table(
    "feeds",
    metadata,
    Column("feed_id", Name, primary_key=True),
    Column("url", Name, nullable=False),
    Column("host", Name, ForeignKey("hosts.host"), nullable=False),
    Column("due_at", UtcTime),  # the next poll; NULL = no longer configured, state kept
    Column("failures", Integer, nullable=False),
    Column("document", Document, nullable=False),  # FeedState
    Index("ix_feeds_host_due_at", "host", "due_at", "feed_id"),
)

# What each feed's last document showed, by entry, so that only what is new is read (`feeds/reading.py`).
feed_windows = Table(
    "feed_windows",
    metadata,
    Column("feed_id", Name, ForeignKey("feeds.feed_id", ondelete="CASCADE"), primary_key=True),
    Column("shown", Name, nullable=False),
)

# What operators are told of feeds, and what they were told.
feed_events = Table(
    "feed_events",
    metadata,
    Column("event_id", Name, primary_key=True),
    Column("feed_id", Name, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("told_at", UtcTime),  # NULL = no message has told it
    Column("document", Document, nullable=False),  # FeedEvent
    _partial("ix_feed_events_untold", "at", "event_id", where="told_at IS NULL"),
    _partial("ix_feed_events_told_at", "told_at", where="told_at IS NOT NULL"),
    Index("ix_feed_events_at", "at", "event_id"),
    Index("ix_feed_events_feed_id_at", "feed_id", "at", "event_id"),
)

items = Table(
    "items",
    metadata,
    Column("item_id", Name, primary_key=True),
    Column("feed_id", Name, nullable=False),
    Column("key", Document, nullable=False),  # a JSON string: feeds write anything into their keys
    Column("revision", Integer, nullable=False),
    Column("content_hash", Name, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("absent_at", UtcTime),  # since when its feed no longer shows it; NULL = present
    Column("document", Document, nullable=False),  # Item
    _partial("ix_items_present", "feed_id", "item_id", where="absent_at IS NULL"),
    _partial("ix_items_absent_at", "absent_at", where="absent_at IS NOT NULL"),
    Index("ix_items_first_seen_at", "first_seen_at", "item_id"),
    Index("ix_items_feed_id_first_seen_at", "feed_id", "first_seen_at", "item_id"),
)

# Every key under which an item is known in its feed.
item_keys = Table(
    "item_keys",
    metadata,
    Column("feed_id", Name, primary_key=True),
    Column("key_hash", BigInteger, primary_key=True, autoincrement=False),
    Column("item_id", Name, ForeignKey("items.item_id", ondelete="CASCADE"), nullable=False),
    Column("is_alias", Boolean, nullable=False),  # False: its identity, which wins over an alias
    Index("ix_item_keys_item_id", "item_id"),
    sqlite_with_rowid=False,
)

hits = Table(
    "hits",
    metadata,
    Column("hit_id", Name, primary_key=True),
    Column("rule_id", Name, nullable=False),
    Column("item_id", Name, ForeignKey("items.item_id", ondelete="CASCADE"), nullable=False),
    Column("event_at", UtcTime, nullable=False),
    Column("hit_at", UtcTime, nullable=False),
    Column("handled_at", UtcTime),  # NULL = no flush has handled it
    Column("document", Document, nullable=False),  # Hit
    UniqueConstraint("item_id", "rule_id"),
    Index("ix_hits_rule_id", "rule_id", "event_at", "item_id"),
    _partial("ix_hits_pending", "event_at", "hit_at", "item_id", "rule_id", where="handled_at IS NULL"),
    _partial("ix_hits_pending_item", "item_id", where="handled_at IS NULL"),
)

# Items with hits whose text was changed, until a flush has looked at the change.
corrections = Table(
    "corrections",
    metadata,
    Column("item_id", Name, ForeignKey("items.item_id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("noted_at", UtcTime, nullable=False),
    Index("ix_corrections_noted_at", "noted_at", "item_id"),
)

# --- flush ---

members = Table(
    "story_members",
    metadata,
    Column("item_id", Name, ForeignKey("items.item_id", ondelete="CASCADE"), primary_key=True),
    Column("story_id", Name, nullable=False),
    Column("event_at", UtcTime, nullable=False),
    Column("url_hash", BigInteger),  # NULL = no key
    Column("title_hash", BigInteger),
    Column("document", Document, nullable=False),  # StoryMember
    Index("ix_story_members_story_id", "story_id", "event_at", "item_id"),
    Index("ix_story_members_url_hash", "url_hash", "event_at"),
    Index("ix_story_members_title_hash", "title_hash", "event_at"),
)

postings = Table(
    "story_postings",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("event_at", UtcTime, primary_key=True),
    Column("item_id", Name, ForeignKey("story_members.item_id", ondelete="CASCADE"), primary_key=True),
    Index("ix_story_postings_item_id", "item_id"),
    sqlite_with_rowid=False,
)

# Document frequencies, learned from the installation's own items.
terms = Table(
    "story_terms",
    metadata,
    Column("language", Name, primary_key=True),
    Column("term", BigInteger, primary_key=True, autoincrement=False),  # hash; that of "" counts all items
    Column("item_count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Name, primary_key=True),
    Column("rule_id", Name, nullable=False),
    Column("group_key", Name, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Name, nullable=False),
    Column("last_hit_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Column("remind_at", UtcTime),  # when to look whom to remind; NULL = nobody
    Column("document", Document, nullable=False),  # Alert
    UniqueConstraint("rule_id", "group_key", "generation"),
    Index("ix_alerts_last_hit_at", "last_hit_at", "alert_id"),
    Index("ix_alerts_state_last_hit_at", "state", "last_hit_at", "alert_id"),
    _partial("ix_alerts_closed_at", "closed_at", where="closed_at IS NOT NULL"),
    _partial("ix_alerts_remind_at", "remind_at", "alert_id", where="remind_at IS NOT NULL"),
)

# Which items are under which alert: they are kept as long as it is.
alert_items = Table(
    "alert_items",
    metadata,
    Column("alert_id", Name, ForeignKey("alerts.alert_id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", Name, primary_key=True),
    Index("ix_alert_items_item_id", "item_id"),
    sqlite_with_rowid=False,
)

revisions = Table(
    "alert_revisions",
    metadata,
    Column("alert_id", Name, ForeignKey("alerts.alert_id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("document", Document, nullable=False),  # AlertRevision
)

decisions = Table(
    "decisions",
    metadata,
    Column("alert_id", Name, ForeignKey("alerts.alert_id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("recipient_id", Name, primary_key=True),
    Column("outcome", Name, nullable=False),
    Column("rendered", Boolean, nullable=False),  # it has notifications
    Column("batch", Name, nullable=False),  # what one message is made of: an alert, or a digest slot
    Column("due_at", UtcTime),  # when it is to be rendered; NULL once rendered or when it never is
    Column("document", Document, nullable=False),  # Decision
    _partial("ix_decisions_due_at", "due_at", where="due_at IS NOT NULL"),
)

decision_notifications = Table(
    "decision_notifications",
    metadata,
    Column("notification_id", Name, primary_key=True),
    Column("alert_id", Name, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("recipient_id", Name, primary_key=True),
    ForeignKeyConstraint(
        ["alert_id", "revision", "recipient_id"],
        ["decisions.alert_id", "decisions.revision", "decisions.recipient_id"],
        ondelete="CASCADE",
        name="fk_decision_notifications_decision",
    ),
    Index("ix_decision_notifications_decision", "alert_id", "revision", "recipient_id"),
    sqlite_with_rowid=False,
)

# --- deliver ---

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", Name, primary_key=True),
    Column("recipient_id", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("alert_id", Name, nullable=False),
    Column("order_key", Name, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("state", Name, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Name, nullable=False),
    Column("last_attempt_at", UtcTime),
    Column("sent_at", UtcTime),
    Column("token", Name, nullable=False),  # "" = not claimed
    Column("lease_until", UtcTime),  # NULL = not claimed
    Column("ended_at", UtcTime),  # when it became sent or dead
    Column("document", Document, nullable=False),  # Notification, as first stored
    _partial("ix_notifications_due", "recipient_id", "due_at", "notification_id", where="state = 'pending'"),
    _partial("ix_notifications_order", "order_key", "sequence", where="state = 'pending'"),
    _partial("ix_notifications_leased", "lease_until", "recipient_id", where="lease_until IS NOT NULL"),
    _partial("ix_notifications_ended_at", "ended_at", where="ended_at IS NOT NULL"),
    Index("ix_notifications_created_at", "created_at", "notification_id"),
    # No index begins with `state`: SQLite would prefer it to the partial ones, and read every pending row.
    Index("ix_notifications_recipient_id", "recipient_id", "created_at"),
    Index("ix_notifications_alert_id", "alert_id"),
)
