"""A post's formatting and everything in it that can be read besides its text; what is searched is what it says

`entities` stays NULL for posts read before this: their formatting becomes known when Telegram's history is compared, and
that is no edit. The full-text column is made anew, which rewrites the table: about a second for 5,000 posts.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from migrations.rls import make_searchable_posts

revision = "0016"
down_revision = "0015"

_BEFORE = "to_tsvector('russian', translate(text, 'ёЁ«»„“”‘’–—…№', 'еЕ           '))"
_NOW = (
    "to_tsvector('russian', translate(coalesce(said_text, text) || ' ' || hosts,"
    " 'ёЁ«»„“”‘’–—…№\u2060', 'еЕ            '))"
)
_LIST = sa.text("'[]'")


def upgrade() -> None:
    for table in ("posts", "post_versions"):
        op.add_column(table, sa.Column("entities", JSONB(), nullable=True))
        op.add_column(table, sa.Column("parts", JSONB(), nullable=False, server_default=_LIST))
    op.add_column("posts", sa.Column("said_text", sa.String(), nullable=True))
    op.add_column("posts", sa.Column("hosts", sa.String(), nullable=False, server_default=""))
    op.add_column("posts", sa.Column("reply_to", sa.Integer(), nullable=True))
    op.add_column("posts", sa.Column("forwards", sa.Integer(), nullable=True))
    op.add_column("posts", sa.Column("reactions", JSONB(), nullable=False, server_default=_LIST))
    op.add_column("posts", sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True))
    _search(_NOW)


def downgrade() -> None:
    _search(_BEFORE)
    for column in ("said_text", "hosts", "reply_to", "forwards", "reactions", "counted_at"):
        op.drop_column("posts", column)
    for table in ("posts", "post_versions"):
        op.drop_column(table, "entities")
        op.drop_column(table, "parts")


def _search(what: str) -> None:
    """Let full text find `what`; the view has to be made anew, too, as it shows the column."""
    op.execute("DROP VIEW searchable_posts")
    op.drop_column("posts", "tsv")
    op.add_column("posts", sa.Column("tsv", TSVECTOR(), sa.Computed(what, persisted=True), nullable=True))
    op.create_index("ix_posts_tsv", "posts", ["tsv"], postgresql_using="gin")
    make_searchable_posts()
