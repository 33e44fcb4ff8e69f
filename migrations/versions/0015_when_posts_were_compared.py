"""When a channel's posts were last compared with Telegram, and where the pass through the older ones goes on"""

import sqlalchemy as sa
from alembic import op

from migrations.rls import APP, protect

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "comparisons",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("newest_at", moment, nullable=True),
        sa.Column("newest_low", sa.Integer(), nullable=False),
        sa.Column("older_below", sa.Integer(), nullable=False),
        sa.Column("older_since", moment, nullable=True),
        sa.Column("older_before", moment, nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id"),
    )
    op.create_index("ix_comparisons_tenant_id", "comparisons", ["tenant_id"])
    protect("comparisons")
    op.execute(f"GRANT SELECT ON comparisons TO {APP}")


def downgrade() -> None:
    op.drop_table("comparisons")
