"""Sessions and memberships that change tell so: an open page loses what its person may not see any more

Triggers, because rights end on many ways (a log-out, a second use of a token, an admin, the command line, a
deleted person or group) and none may forget to tell.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

_ON = {
    "app_sessions": "UPDATE OF revoked_at, expires_at OR DELETE",
    "memberships": "UPDATE OF role, disabled, tenant_id OR DELETE",
}


def upgrade() -> None:
    op.execute("""
CREATE FUNCTION tell_rights() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_notify('tg_assistant', json_build_array('rights', OLD.user_id)::text);
    RETURN NULL;
END $$
""")
    for table, change in _ON.items():
        op.execute(
            f"CREATE TRIGGER tell_rights AFTER {change} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION tell_rights()"
        )


def downgrade() -> None:
    for table in _ON:
        op.execute(f"DROP TRIGGER tell_rights ON {table}")
    op.execute("DROP FUNCTION tell_rights()")
