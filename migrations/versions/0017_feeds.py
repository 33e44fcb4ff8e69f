"""Feeds: private addresses of channels and searches; found by a token's hash before the tenant is known"""

import sqlalchemy as sa
from alembic import op

from migrations.rls import APP, protect

revision = "0017"
down_revision = "0014"


def upgrade() -> None:
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
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", moment, nullable=True),
        sa.CheckConstraint("(channel_id IS NULL) <> (query IS NULL)", name="ck_feeds_of_one"),
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
    changes = "last_used_at, revoked_at, digest, changed_at"
    op.execute(f"GRANT SELECT, INSERT, UPDATE ({changes}) ON feeds TO {APP}")


def downgrade() -> None:
    op.drop_table("feeds")
