"""Web and bot read and write the columns their doors need, and ask for jobs by a function; logins end with sessions

`docs/row-level-security.md` has the list in words; `tests/migrations/test_column_rights.py` holds it against the
database. Functions with the owner's rights name every table with its schema, and the tenant, for an owner may be
one whom row-level security does not hold; they are nobody's but the role's that needs them.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rls import APP, WORKER

revision = "0012"
down_revision = "0011"

_TENANT = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"
_OWNERS = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
# what `tg_app` keeps, table by table: "read, …" without columns means all of them, also those to come
_KEPT = {
    "accounts": (
        "SELECT (id, tenant_id, user_id, telegram_id, status, ended_reason, update_state, device, connected_at,"
        " last_ok_at, dialogs_at, lease_owner, lease_epoch, lease_until)",
        "UPDATE (device)",  # nothing changes it: a row can only be locked by who may change a column
    ),
    "account_tasks": (
        "SELECT",
        "INSERT (id, tenant_id, account_id, kind, args, priority, deadline, attempts)",
        "UPDATE (not_before, done_at, error, error_values)",
    ),
    "alembic_version": ("SELECT",),
    "app_sessions": ("SELECT", "INSERT", "UPDATE (resume_hash, last_seen_at, revoked_at)"),
    "audit_events": ("SELECT", "INSERT"),
    "bot_updates": ("SELECT", "INSERT", "UPDATE (payload, attempts, done_at)", "DELETE"),
    "channel_access": (
        "SELECT (account_id, channel_id, tenant_id, user_id, checked_at, lost_at)",
        "INSERT (account_id, channel_id, tenant_id, user_id, checked_at, lost_at)",
        "UPDATE (checked_at, lost_at)",
    ),
    "channel_ranges": ("SELECT",),
    "channels": (
        "SELECT",
        "INSERT (id, tenant_id, telegram_id, title, username, about, private, members, top_message_id,"
        " paused)",
        "UPDATE (title, username, private, members, backfill_done_at, last_error, last_error_at, paused)",
    ),
    "chunks": ("SELECT",),
    "dialogs": (
        "SELECT (account_id, telegram_id, tenant_id, title, username, private, members, folder, position)",
    ),
    "experiment_results": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "experiments": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "heartbeats": ("SELECT", "INSERT", "UPDATE"),
    "invite_uses": ("SELECT", "INSERT"),
    "invites": (
        "SELECT",
        "INSERT",
        "UPDATE (uses_limit, uses_count, active, expires_at, created_by, last_used_at, last_used_by, notes)",
        "DELETE",
    ),
    "key_rotations": (),
    "logins": (
        "SELECT (id, tenant_id, user_id, session_id, status, reason, retry_after, device, link_hash, page_hash,"
        " qr_url, qr_expires_at, password_hint, password_key, password_waiting, password_tries, key_pending,"
        " account_id, lease_owner, lease_epoch, lease_until, created_at, updated_at, expires_at)",
        "INSERT (id, tenant_id, user_id, session_id, status, device, link_hash, password_tries, lease_epoch,"
        " created_at, expires_at)",
        "UPDATE (page_hash, password_sealed, updated_at)",
    ),
    "memberships": ("SELECT", "INSERT", "UPDATE (role, plan, plan_expires_at, disabled, version)"),
    "method_waits": (),
    "notifications": ("SELECT", "INSERT", "UPDATE (attempts, not_before, sent_at)"),
    "one_time_links": ("SELECT", "INSERT", "UPDATE (spent_at)", "DELETE"),
    "pgqueuer": ("SELECT (id, entrypoint, status, attempts, created, updated, execute_after, payload)",),
    "pgqueuer_log": (),
    "pgqueuer_schedules": (),
    "pgqueuer_statistics": (),
    "post_versions": ("SELECT",),
    "posts": ("SELECT",),
    "questions": (
        "SELECT",
        "INSERT",
        "UPDATE (answer, sources, abstained, confidence, milliseconds, variant, attempts)",
        "DELETE",
    ),
    "refresh_tokens": ("SELECT", "INSERT", "UPDATE (successor, rotated_at)"),
    "seen_init_data": ("SELECT", "INSERT", "DELETE"),
    "sign_ins": ("SELECT", "INSERT"),
    "subscriptions": ("SELECT", "INSERT", "UPDATE (paused)", "DELETE"),
    "tenant_flags": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "tenants": (
        "SELECT",
        "UPDATE (keep_posts_days, keep_questions_days, keep_sign_ins_days, keep_addresses_days,"
        " keep_jobs_days, keep_audit_days)",
        "DELETE",
    ),
    "users": (
        "SELECT",
        "INSERT",
        "UPDATE (first_name, last_name, username, language, language_chosen, last_seen_at)",
        "DELETE",
    ),
    "vectors": ("SELECT", "INSERT"),
}
_EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_BEFORE = {"alembic_version": "SELECT", "audit_events": "SELECT, INSERT"}  # after migration 0009
_QUEUES = ("pgqueuer_id_seq", "pgqueuer_log_id_seq", "pgqueuer_schedules_id_seq", "pgqueuer_statistics_id_seq")

# A job by name and ids, for the transaction's own tenant. Its payload is built here, so it has one form; a
# group's part of the index is dropped once the group is gone.
_ASK = f"""
CREATE FUNCTION ask_for_job(name text, tenant uuid, channel uuid) RETURNS void LANGUAGE plpgsql {_OWNERS} AS $$
DECLARE
    payload text := CASE
        WHEN name = 'purge_channel' AND channel IS NOT NULL
            THEN format('{{"channel_id": "%s", "tenant_id": "%s"}}', channel, tenant)
        WHEN name = 'forget_tenant' AND channel IS NULL
            AND NOT EXISTS (SELECT FROM public.tenants WHERE id = tenant)
            THEN format('{{"tenant_id": "%s"}}', tenant)
    END;
    made bigint;
BEGIN
    IF payload IS NULL OR tenant IS DISTINCT FROM {_TENANT} THEN
        RAISE EXCEPTION 'permission denied: not a job to be asked for' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.pgqueuer (priority, entrypoint, payload, status)
        VALUES (0, name, convert_to(payload, 'UTF8'), 'queued') RETURNING id INTO made;
    INSERT INTO public.pgqueuer_log (job_id, status, entrypoint, priority) VALUES (made, 'queued', name, 0);
END $$
"""  # noqa: S608 - constants of this file are put together  # nosec B608

# Of the transaction's own tenant: tried again, or given up.
_DECIDE = f"""
CREATE FUNCTION decide_held_job(job bigint, again boolean) RETURNS boolean LANGUAGE plpgsql {_OWNERS} AS $$
DECLARE
    found bigint;
BEGIN
    SELECT id INTO found FROM public.pgqueuer WHERE id = job AND status = 'failed'
        AND convert_from(payload, 'UTF8')::jsonb ->> 'tenant_id' = {_TENANT}::text FOR UPDATE;
    IF again THEN
        UPDATE public.pgqueuer SET status = 'queued', attempts = 0, execute_after = now(), updated = now(),
            queue_manager_id = NULL WHERE id = found;
    ELSE
        DELETE FROM public.pgqueuer WHERE id = found;
    END IF;
    RETURN found IS NOT NULL;
END $$
"""  # noqa: S608 - constants of this file are put together  # nosec B608

# What is left of an account that Telegram has ended: no key to be logged out any more.
_FORGET = f"""
CREATE FUNCTION forget_ended_account(ended uuid) RETURNS void LANGUAGE plpgsql {_OWNERS} AS $$
BEGIN
    UPDATE public.accounts SET status = 'logged_out', ended_reason = NULL, sealed_session = NULL,
        update_state = '{{}}' WHERE id = ended AND tenant_id = {_TENANT} AND status <> 'connected';
    IF FOUND THEN
        DELETE FROM public.dialogs WHERE account_id = ended;
        DELETE FROM public.channel_access WHERE account_id = ended;
        DELETE FROM public.method_waits WHERE account_id = ended;
    END IF;
END $$
"""  # nosec B608 - constants of this file are put together

# The access hash of a channel that is followed from the account's own list, which web and bot cannot read.
_FILL = f"""
CREATE FUNCTION fill_access_hash() RETURNS trigger LANGUAGE plpgsql {_OWNERS} AS $$
BEGIN
    IF NEW.access_hash IS NULL THEN
        SELECT listed.access_hash INTO NEW.access_hash FROM public.dialogs AS listed
            JOIN public.channels AS channel ON channel.telegram_id = listed.telegram_id
            WHERE listed.account_id = NEW.account_id AND channel.id = NEW.channel_id
            AND listed.tenant_id = NEW.tenant_id AND channel.tenant_id = NEW.tenant_id;
    END IF;
    RETURN NEW;
END $$
"""  # nosec B608 - constants of this file are put together

# Who may cancel may not, by the same right, put another code under somebody's camera.
_CANCELLED = """status = 'cancelled', retry_after = NULL, qr_url = NULL, qr_expires_at = NULL,
        password_hint = NULL, password_key = NULL, password_sealed = NULL, updated_at = clock_timestamp()"""
_LIVE = "status IN ('pending', 'awaiting_scan', 'password_required')"
_CANCEL = f"""
CREATE FUNCTION cancel_login(login uuid, why text) RETURNS void LANGUAGE sql {_OWNERS} AS $$
    UPDATE public.logins SET reason = why, {_CANCELLED} WHERE id = login AND tenant_id = {_TENANT} AND {_LIVE}
$$
"""  # noqa: S608 - constants of this file are put together  # nosec B608

# Whichever way a session ends: what it began to connect ends with it, for every tenant.
_END = f"""
CREATE FUNCTION end_logins() RETURNS trigger LANGUAGE plpgsql {_OWNERS} AS $$
DECLARE
    ended uuid;
    before text := coalesce(current_setting('app.operator', true), '');
BEGIN
    PERFORM set_config('app.operator', 'on', true);
    FOR ended IN
        UPDATE public.logins SET reason = 'session_ended', {_CANCELLED}
        WHERE session_id = OLD.id AND {_LIVE}
        RETURNING id
    LOOP
        PERFORM pg_notify('tg_assistant', json_build_array('login', ended)::text);
    END LOOP;
    PERFORM set_config('app.operator', before, true);
    RETURN OLD;
END $$
"""  # nosec B608 - constants of this file are put together
_FUNCTIONS = {
    "ask_for_job(text, uuid, uuid)": _ASK,
    "decide_held_job(bigint, boolean)": _DECIDE,
    "forget_ended_account(uuid)": _FORGET,
    "cancel_login(uuid, text)": _CANCEL,
    "fill_access_hash()": _FILL,
    "end_logins()": _END,
}
_TRIGGERS = {
    ("channel_access", "fill_access_hash"): "BEFORE INSERT ON channel_access",
    ("app_sessions", "end_logins"): "AFTER UPDATE OF revoked_at, expires_at ON app_sessions",
    ("app_sessions", "end_logins_of_deleted"): "BEFORE DELETE ON app_sessions",
}
_WHEN = {"end_logins": "WHEN (NEW.revoked_at IS NOT NULL OR NEW.expires_at <= now())"}


def upgrade() -> None:
    op.add_column("logins", sa.Column("session_id", sa.Uuid(), nullable=True))
    op.create_index("ix_logins_session_id", "logins", ["session_id"])
    key = ("fk_logins_session_id", "logins", "app_sessions", ["session_id"], ["id"])
    op.create_foreign_key(*key, ondelete="SET NULL")
    for column, of in (("password_waiting", "password_sealed"), ("key_pending", "pending_session")):
        said = sa.Computed(f"{of} IS NOT NULL", persisted=True)
        op.add_column("logins", sa.Column(column, sa.Boolean(), said, nullable=False))
    for name, made in _FUNCTIONS.items():
        op.execute(made)
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        if "RETURNS trigger" not in made:
            op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {APP}, {WORKER}")
    for (_, name), when in _TRIGGERS.items():
        function = name.removesuffix("_of_deleted")
        condition = _WHEN.get(name, "")
        op.execute(f"CREATE TRIGGER {name} {when} FOR EACH ROW {condition} EXECUTE FUNCTION {function}()")
    _take_back()


def _take_back() -> None:
    """New tables, too, are nothing to `tg_app` until their migration says what."""
    for what in ("TABLES", "SEQUENCES"):
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {what} FROM {APP}")
    op.execute(f"REVOKE ALL ON SEQUENCE {', '.join(_QUEUES)} FROM {APP}")
    for table, rights in _KEPT.items():
        op.execute(f"REVOKE ALL ON {table} FROM {APP}")
        for right in rights:
            op.execute(f"GRANT {right} ON {table} TO {APP}")


def downgrade() -> None:
    for table in _KEPT:
        op.execute(f"REVOKE ALL ON {table} FROM {APP}")
        op.execute(f"GRANT {_BEFORE.get(table, _EVERYTHING)} ON {table} TO {APP}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE {', '.join(_QUEUES)} TO {APP}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {_EVERYTHING} ON TABLES TO {APP}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP}")
    for table, name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    for column in ("session_id", "password_waiting", "key_pending"):
        op.drop_column("logins", column)
