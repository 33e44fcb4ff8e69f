"""Refresh families, one-time links and sign-ins that failed"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_table('refresh_tokens',
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=False),
    sa.Column('successor', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['session_id'], ['app_sessions.id'], name=op.f('fk_refresh_tokens_session_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_refresh_tokens'))
    )
    op.create_index(op.f('ix_refresh_tokens_session_id'), 'refresh_tokens', ['session_id'], unique=False)
    op.execute("INSERT INTO refresh_tokens (hash, session_id) SELECT refresh_hash, id FROM app_sessions")
    op.execute(
        "INSERT INTO refresh_tokens (hash, session_id, successor, rotated_at) "
        "SELECT previous_refresh_hash, id, successor, coalesce(rotated_at, now()) FROM app_sessions "
        "WHERE previous_refresh_hash IS NOT NULL"
    )
    for name in ('refresh_hash', 'previous_refresh_hash', 'successor', 'rotated_at'):
        op.drop_column('app_sessions', name)
    op.add_column('app_sessions', sa.Column('door', sa.String(), server_default='app', nullable=False))
    op.alter_column('app_sessions', 'door', server_default=None)
    op.create_table('one_time_links',
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('spent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_one_time_links_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('hash', name=op.f('pk_one_time_links'))
    )
    op.create_index(op.f('ix_one_time_links_user_id'), 'one_time_links', ['user_id'], unique=False)
    op.create_index(op.f('ix_one_time_links_expires_at'), 'one_time_links', ['expires_at'], unique=False)
    op.alter_column('sign_ins', 'user_id', nullable=True)
    op.add_column('sign_ins', sa.Column('outcome', sa.String(), server_default='ok', nullable=False))
    op.alter_column('sign_ins', 'outcome', server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM sign_ins WHERE user_id IS NULL")
    op.drop_column('sign_ins', 'outcome')
    op.alter_column('sign_ins', 'user_id', nullable=False)
    op.drop_table('one_time_links')
    for name in ('refresh_hash', 'previous_refresh_hash', 'successor'):
        op.add_column('app_sessions', sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column('app_sessions', sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE app_sessions s SET refresh_hash = t.hash FROM refresh_tokens t "
        "WHERE t.session_id = s.id AND t.rotated_at IS NULL"
    )
    op.execute(
        "UPDATE app_sessions s SET previous_refresh_hash = t.hash, successor = t.successor, rotated_at = t.rotated_at "
        "FROM (SELECT DISTINCT ON (session_id) * FROM refresh_tokens WHERE rotated_at IS NOT NULL "
        "ORDER BY session_id, rotated_at DESC) t WHERE t.session_id = s.id"
    )
    op.execute("DELETE FROM app_sessions WHERE refresh_hash IS NULL")
    op.alter_column('app_sessions', 'refresh_hash', nullable=False)
    op.create_unique_constraint(op.f('uq_app_sessions_refresh_hash'), 'app_sessions', ['refresh_hash'])
    op.create_unique_constraint(op.f('uq_app_sessions_previous_refresh_hash'), 'app_sessions', ['previous_refresh_hash'])
    op.drop_column('app_sessions', 'door')
    op.drop_table('refresh_tokens')
