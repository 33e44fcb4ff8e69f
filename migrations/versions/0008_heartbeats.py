"""Processes without a public address say that they are at work, so that /health/bot can tell

It belongs to no tenant and names nobody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("heartbeats")
