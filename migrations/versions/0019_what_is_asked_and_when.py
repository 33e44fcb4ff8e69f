"""The days that posts mention, and how a question was understood."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.rls import APP, TENANT

revision = "0019"
down_revision = "0018"
_VIEW = "CREATE OR REPLACE VIEW searchable_posts AS SELECT {} FROM posts WHERE tenant_id = {}"
_COLUMNS = "id, tenant_id, channel_id, posted_at, deleted_at, tsv"


def upgrade() -> None:
    op.add_column("posts", sa.Column("dates", ARRAY(sa.Date())))
    op.create_index("ix_posts_dates", "posts", ["dates"], postgresql_using="gin")
    op.execute(_VIEW.format(f"{_COLUMNS}, dates", TENANT))
    # posts are indexed once more, which finds their days; their vectors are in the cache
    op.execute("SET LOCAL app.operator = 'on'")
    op.execute("UPDATE posts SET indexed_generation = 0, index_attempts = 0 WHERE deleted_at IS NULL")
    for name in ("intent", "resolved"):
        op.add_column("questions", sa.Column(name, sa.String()))
        op.execute(f"GRANT UPDATE ({name}) ON questions TO {APP}")


def downgrade() -> None:
    op.execute("DROP VIEW searchable_posts")
    op.drop_index("ix_posts_dates", "posts")
    op.drop_column("posts", "dates")
    op.execute(_VIEW.format(_COLUMNS, TENANT))
    op.execute("REVOKE ALL ON searchable_posts FROM tg_app, tg_worker")
    op.execute("GRANT SELECT ON searchable_posts TO tg_app, tg_worker")
    for name in ("intent", "resolved"):
        op.drop_column("questions", name)
