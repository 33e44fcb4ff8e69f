"""Feeds: private addresses of channels and searches; numbers of an account's groups, which are no channels

A feed is found by its token's hash before the tenant is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.rls import APP, protect

revision = "0017"
down_revision = "0016"

# whoever logs the account out, the numbers of its groups go
_EMPTY = """
CREATE FUNCTION forget_groups() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.group_ids := '[]';
    RETURN NEW;
END $$
"""
_TRIGGER = """
CREATE TRIGGER forget_groups BEFORE UPDATE OF status ON accounts FOR EACH ROW
    WHEN (NEW.status = 'logged_out') EXECUTE FUNCTION forget_groups()
"""


def upgrade() -> None:
    groups = sa.Column("group_ids", JSONB(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("accounts", groups)
    op.execute(f"GRANT SELECT (group_ids) ON accounts TO {APP}")
    op.execute(_EMPTY)
    op.execute(_TRIGGER)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "feeds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("query", sa.String(), nullable=True),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", moment, nullable=True),
        sa.Column("revoked_at", moment, nullable=True),
        sa.Column("etag", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    for column in ("tenant_id", "user_id", "channel_id"):
        op.create_index(f"ix_feeds_{column}", "feeds", [column])
    shown = "encode(hash, 'hex') = NULLIF(current_setting('app.feed_hash', true), '')"
    protect("feeds", by_token=f"FOR SELECT USING ({shown})")
    changes = "last_used_at, revoked_at, etag, changed_at"
    op.execute(f"GRANT SELECT, INSERT, UPDATE ({changes}) ON feeds TO {APP}")


def downgrade() -> None:
    op.drop_table("feeds")
    op.execute("DROP TRIGGER forget_groups ON accounts")
    op.execute("DROP FUNCTION forget_groups()")
    op.drop_column("accounts", "group_ids")
