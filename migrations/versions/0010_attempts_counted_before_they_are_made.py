"""Tries to answer a question, and why a post could not be indexed: what kills a process is held, and said"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("questions", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("posts", sa.Column("index_error", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("posts", "index_error")
    op.drop_column("questions", "attempts")
