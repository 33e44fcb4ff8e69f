"""What was closed to somebody stays so when the channel, or the account, is gone; a try says that it is under way

`lost_channels` is filled as a channel is purged: a row for each person to whom it was closed. An account that is logged
out leaves the accesses it had lost, without their hashes, for a public channel would be open again.
"""

import sqlalchemy as sa
from alembic import op

from migrations.rls import APP, protect

revision = "0013"
down_revision = "0012"

_FORGET = """
CREATE OR REPLACE FUNCTION forget_ended_account(ended uuid) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.accounts SET status = 'logged_out', ended_reason = NULL, sealed_session = NULL,
        update_state = '{}' WHERE id = ended AND status <> 'connected'
        AND tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    IF FOUND THEN
        DELETE FROM public.dialogs WHERE account_id = ended;
        %s
        DELETE FROM public.method_waits WHERE account_id = ended;
    END IF;
END $$
"""
_ALL = "DELETE FROM public.channel_access WHERE account_id = ended;"
_KEEP_LOST = """DELETE FROM public.channel_access WHERE account_id = ended AND lost_at IS NULL;
        UPDATE public.channel_access SET access_hash = 0 WHERE account_id = ended;"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("questions", sa.Column("tried_at", moment, nullable=True))
    op.execute(f"GRANT UPDATE (tried_at) ON questions TO {APP}")
    op.create_table(
        "lost_channels",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "channel_id"),
    )
    op.create_index("ix_lost_channels_tenant_id", "lost_channels", ["tenant_id"])
    protect("lost_channels")
    op.execute(f"GRANT SELECT ON lost_channels TO {APP}")
    op.execute(_FORGET % _KEEP_LOST)


def downgrade() -> None:
    op.execute(_FORGET % _ALL)
    op.drop_table("lost_channels")
    op.drop_column("questions", "tried_at")
