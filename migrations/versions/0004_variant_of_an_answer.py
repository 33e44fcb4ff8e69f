"""Which variant of an experiment an answer was part of"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("questions", sa.Column("variant", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("questions", "variant")
