"""What a language model was shown for an answer, besides the sources it named."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.rls import APP

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("questions", sa.Column("also_read", JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.execute(f"GRANT UPDATE (also_read) ON questions TO {APP}")


def downgrade() -> None:
    op.drop_column("questions", "also_read")
