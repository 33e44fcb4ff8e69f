"""A channel that somebody may no longer read is told like a lost right: what streams from it ends at once

Told are the people concerned, under the topic of 0007: access that was lost, a channel no longer followed, and to all
followers of a channel that it was made private or switched off. An access that is seen again, as each reading of an
account's list does, is no news.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_OWN = {
    ("channel_access", "tell_rights"): "UPDATE OF lost_at",
    ("channel_access", "tell_rights_of_deleted"): "DELETE",
    ("subscriptions", "tell_rights"): "DELETE",
}
_WHEN = {"UPDATE OF lost_at": "WHEN (OLD.lost_at IS DISTINCT FROM NEW.lost_at)"}
_CHANGED = "OLD.private IS DISTINCT FROM NEW.private OR OLD.paused IS DISTINCT FROM NEW.paused"


def upgrade() -> None:
    for (table, name), change in _OWN.items():
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON {table}"
            f" FOR EACH ROW {_WHEN.get(change, '')} EXECUTE FUNCTION tell_rights()"
        )
    op.execute("""
CREATE FUNCTION tell_readers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('tg_assistant', json_build_array('rights', user_id)::text)
        FROM subscriptions WHERE channel_id = OLD.id;
    RETURN NULL;
END $$
""")
    op.execute(
        "CREATE TRIGGER tell_readers AFTER UPDATE OF private, paused ON channels"
        f" FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION tell_readers()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER tell_readers ON channels")
    op.execute("DROP FUNCTION tell_readers()")
    for table, name in _OWN:
        op.execute(f"DROP TRIGGER {name} ON {table}")
