"""Lost access is looked at again, a title is shown as it was known, and an account's waits and budget are kept

`keep_known_title`, `ask_again` and `pass_name_on` are triggers because a title, a name and privacy are written in many
places: the account's list, its updates, each page of history, each channel that is added. What they take for
"may read" is what `core/channels/readable.py` does. They run with the writer's own rights.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.rls import APP, WORKER, protect, unprotect

revision = "0018"
down_revision = "0017"

_MOMENT = sa.DateTime(timezone=True)
# the follower `subscriptions` may not read the channel, or it is unknown whether they still may
_CLOSED = """NOT EXISTS (SELECT FROM channel_access AS seen WHERE seen.channel_id = OLD.id
        AND seen.user_id = subscriptions.user_id AND seen.lost_at IS NULL AND seen.checked_at > 'epoch')
    AND (OLD.private OR NEW.private OR EXISTS (SELECT FROM channel_access AS gone
        WHERE gone.channel_id = OLD.id AND gone.user_id = subscriptions.user_id AND gone.lost_at IS NOT NULL))"""

_KEEP = f"""
CREATE FUNCTION keep_known_title() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE subscriptions SET shown_title = OLD.title
        WHERE channel_id = OLD.id AND shown_title IS NULL AND {_CLOSED};
    RETURN NULL;
END $$
"""  # noqa: S608 - constants of this file are put together  # nosec B608

_SHOW = """
CREATE FUNCTION show_own_title() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE subscriptions SET shown_title = NULL
        WHERE channel_id = NEW.channel_id AND user_id = NEW.user_id AND shown_title IS NOT NULL;
    RETURN NULL;
END $$
"""

# The same task that `core/channels/regaining.py` adds, for every account that lost the channel.
_AGAIN = """
CREATE FUNCTION ask_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE subscriptions SET shown_title = NULL
        WHERE channel_id = NEW.id AND shown_title IS NOT NULL AND NOT EXISTS (SELECT FROM channel_access AS gone
            WHERE gone.channel_id = NEW.id AND gone.user_id = subscriptions.user_id
            AND gone.lost_at IS NOT NULL);
    PERFORM ask_to_look(account_id, NEW.id) FROM channel_access
        WHERE channel_id = NEW.id AND lost_at IS NOT NULL;
    RETURN NULL;
END $$
"""

_LOOK = """
CREATE FUNCTION ask_to_look(account uuid, channel uuid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO account_tasks (id, tenant_id, account_id, kind, args, priority, attempts)
        SELECT gen_random_uuid(), tenant_id, id, 'look', jsonb_build_object('channel_id', channel), 5, 0
        FROM accounts WHERE id = account AND status = 'connected' AND NOT EXISTS (SELECT FROM account_tasks AS open
            WHERE open.account_id = account AND open.kind = 'look' AND open.done_at IS NULL
            AND open.args ->> 'channel_id' = channel::text);
    IF FOUND THEN
        PERFORM pg_notify('tg_assistant', json_build_array('task', account)::text);
    END IF;
END $$
"""

# A name belongs to one channel at a time: whoever had it before has it no more, and is looked at for its new one.
_PASS_ON = """
CREATE FUNCTION pass_name_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    former uuid;
BEGIN
    FOR former IN UPDATE channels SET username = NULL WHERE tenant_id = NEW.tenant_id AND id <> NEW.id
        AND lower(username) = lower(NEW.username) RETURNING id
    LOOP
        PERFORM ask_to_look(account_id, former) FROM (SELECT account_id FROM channel_access
            WHERE channel_id = former AND lost_at IS NULL ORDER BY checked_at DESC LIMIT 1) AS held;
    END LOOP;
    RETURN NULL;
END $$
"""
_FUNCTIONS = {
    "ask_to_look(uuid, uuid)": _LOOK,
    "keep_known_title()": _KEEP,
    "show_own_title()": _SHOW,
    "ask_again()": _AGAIN,
    "pass_name_on()": _PASS_ON,
}
_SEEN = "WHEN (NEW.lost_at IS NULL AND NEW.checked_at > 'epoch')"
_TRIGGERS = {
    ("channels", "keep_known_title"): (
        "AFTER UPDATE OF title ON channels",
        "WHEN (OLD.title IS DISTINCT FROM NEW.title)",
    ),
    ("channels", "ask_again"): (
        "AFTER UPDATE OF private ON channels",
        "WHEN (OLD.private AND NOT NEW.private)",
    ),
    ("channels", "pass_name_on"): (
        "AFTER INSERT OR UPDATE OF username ON channels",
        "WHEN (NEW.username IS NOT NULL)",
    ),
    ("channel_access", "show_own_title"): (
        "AFTER INSERT OR UPDATE OF lost_at, checked_at ON channel_access",
        _SEEN,
    ),
}

# As in 0012, and for a row whose hash was destroyed with the session (0): a grant takes it from the new list.
_FILL = """
CREATE OR REPLACE FUNCTION fill_access_hash() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known bigint;
BEGIN
    IF NEW.access_hash IS NULL OR (NEW.access_hash = 0 AND NEW.lost_at IS NULL) THEN
        SELECT listed.access_hash INTO known FROM public.dialogs AS listed
            JOIN public.channels AS channel ON channel.telegram_id = listed.telegram_id
            WHERE listed.account_id = NEW.account_id AND channel.id = NEW.channel_id
            AND listed.tenant_id = NEW.tenant_id AND channel.tenant_id = NEW.tenant_id;
        NEW.access_hash := coalesce(known, NEW.access_hash);
    END IF;
    RETURN NEW;
END $$
"""
_FILL_BEFORE = """
CREATE OR REPLACE FUNCTION fill_access_hash() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.access_hash IS NULL THEN
        SELECT listed.access_hash INTO NEW.access_hash FROM public.dialogs AS listed
            JOIN public.channels AS channel ON channel.telegram_id = listed.telegram_id
            WHERE listed.account_id = NEW.account_id AND channel.id = NEW.channel_id
            AND listed.tenant_id = NEW.tenant_id AND channel.tenant_id = NEW.tenant_id;
    END IF;
    RETURN NEW;
END $$
"""

# As in 0013, but a wait that Telegram asked for outlives the session: it is the account's, not the key's.
_FORGET = """
CREATE OR REPLACE FUNCTION forget_ended_account(ended uuid) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.accounts SET status = 'logged_out', ended_reason = NULL, sealed_session = NULL,
        update_state = '{}' WHERE id = ended AND status <> 'connected'
        AND tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    IF FOUND THEN
        DELETE FROM public.dialogs WHERE account_id = ended;
        DELETE FROM public.channel_access WHERE account_id = ended AND lost_at IS NULL;
        UPDATE public.channel_access SET access_hash = 0 WHERE account_id = ended;%s
    END IF;
END $$
"""
_WAITS_GO = "\n        DELETE FROM public.method_waits WHERE account_id = ended;"


def upgrade() -> None:
    op.add_column("subscriptions", sa.Column("shown_title", sa.String(), nullable=True))
    op.execute(f"GRANT UPDATE (shown_title) ON subscriptions TO {APP}")
    op.add_column("channel_access", sa.Column("looked_at", _MOMENT, nullable=True))
    op.execute(f"GRANT SELECT (looked_at) ON channel_access TO {APP}")
    _make_waits_and_budgets()
    for made in _FUNCTIONS.values():
        op.execute(made)
    op.execute("REVOKE ALL ON FUNCTION ask_to_look(uuid, uuid) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION ask_to_look(uuid, uuid) TO {APP}, {WORKER}")
    for (_, name), (when, condition) in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW {condition} EXECUTE FUNCTION {name}()")
    op.execute(_FILL)
    op.execute("DROP TRIGGER fill_access_hash ON channel_access")
    op.execute(
        "CREATE TRIGGER fill_access_hash BEFORE INSERT OR UPDATE OF lost_at, access_hash ON channel_access"
        " FOR EACH ROW EXECUTE FUNCTION fill_access_hash()"
    )
    op.execute(_FORGET % "")


def _make_waits_and_budgets() -> None:
    """The doors show both and change neither; a login's waits are of a key that has no account yet."""
    op.add_column("logins", sa.Column("waits", JSONB(), nullable=False, server_default=sa.text("'{}'")))
    op.execute(f"GRANT SELECT (waits) ON logins TO {APP}")
    op.add_column("method_waits", sa.Column("tenant_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE method_waits SET tenant_id = accounts.tenant_id FROM accounts WHERE accounts.id = account_id"
    )
    op.alter_column("method_waits", "tenant_id", nullable=False)
    key = ("fk_method_waits_tenant_id", "method_waits", "tenants", ["tenant_id"], ["id"])
    op.create_foreign_key(*key, ondelete="CASCADE")
    op.create_index("ix_method_waits_tenant_id", "method_waits", ["tenant_id"])
    op.create_table(
        "account_budgets",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("spent_until", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "kind"),
    )
    op.create_index("ix_account_budgets_tenant_id", "account_budgets", ["tenant_id"])
    for table in ("method_waits", "account_budgets"):
        protect(table)
        op.execute(f"GRANT SELECT ON {table} TO {APP}")


def downgrade() -> None:
    op.execute(_FORGET % _WAITS_GO)
    op.execute("DROP TRIGGER fill_access_hash ON channel_access")
    op.execute(_FILL_BEFORE)
    op.execute(
        "CREATE TRIGGER fill_access_hash BEFORE INSERT ON channel_access"
        " FOR EACH ROW EXECUTE FUNCTION fill_access_hash()"
    )
    for table, name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("account_budgets")
    unprotect("method_waits")
    op.execute(f"REVOKE ALL ON method_waits FROM {APP}")
    op.drop_column("method_waits", "tenant_id")
    op.drop_column("logins", "waits")
    op.drop_column("channel_access", "looked_at")
    op.drop_column("subscriptions", "shown_title")
