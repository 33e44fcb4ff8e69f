"""People and administration: uses of invites, sign-ins, flags, experiments, retention, expiring plans"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('experiment_results',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('variant', sa.String(), nullable=False),
    sa.Column('exposures', sa.Integer(), nullable=False),
    sa.Column('outcomes', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_experiment_results_tenant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tenant_id', 'name', 'variant', name=op.f('pk_experiment_results'))
    )
    op.create_table('experiments',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('share', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_experiments_tenant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tenant_id', 'name', name=op.f('pk_experiments'))
    )
    op.create_table('sign_ins',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('session_id', sa.Uuid(), nullable=True),
    sa.Column('door', sa.String(), nullable=False),
    sa.Column('device', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sign_ins_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_ins'))
    )
    op.create_index(op.f('ix_sign_ins_at'), 'sign_ins', ['at'], unique=False)
    op.create_index(op.f('ix_sign_ins_user_id'), 'sign_ins', ['user_id'], unique=False)
    op.create_table('tenant_flags',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by'], ['users.id'], name=op.f('fk_tenant_flags_changed_by'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_tenant_flags_tenant_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tenant_id', 'name', name=op.f('pk_tenant_flags'))
    )
    op.create_table('invite_uses',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.String(length=12), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['code'], ['invites.code'], name=op.f('fk_invite_uses_code'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_invite_uses_tenant_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_invite_uses_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invite_uses'))
    )
    op.create_index(op.f('ix_invite_uses_code'), 'invite_uses', ['code'], unique=False)
    op.create_index(op.f('ix_invite_uses_tenant_id'), 'invite_uses', ['tenant_id'], unique=False)
    op.add_column('channels', sa.Column('paused', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('channels', sa.Column('unread_since', sa.DateTime(timezone=True), nullable=True))
    op.add_column('memberships', sa.Column('plan_expires_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('tenants', sa.Column('keep_posts_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('keep_questions_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('keep_sign_ins_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('keep_addresses_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('keep_jobs_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('keep_audit_days', sa.Integer(), nullable=True))
    op.add_column('tenants', sa.Column('retained_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('tenants', 'retained_at')
    op.drop_column('tenants', 'keep_audit_days')
    op.drop_column('tenants', 'keep_jobs_days')
    op.drop_column('tenants', 'keep_addresses_days')
    op.drop_column('tenants', 'keep_sign_ins_days')
    op.drop_column('tenants', 'keep_questions_days')
    op.drop_column('tenants', 'keep_posts_days')
    op.drop_column('memberships', 'plan_expires_at')
    op.drop_column('channels', 'unread_since')
    op.drop_column('channels', 'paused')
    op.drop_index(op.f('ix_invite_uses_tenant_id'), table_name='invite_uses')
    op.drop_index(op.f('ix_invite_uses_code'), table_name='invite_uses')
    op.drop_table('invite_uses')
    op.drop_table('tenant_flags')
    op.drop_index(op.f('ix_sign_ins_user_id'), table_name='sign_ins')
    op.drop_index(op.f('ix_sign_ins_at'), table_name='sign_ins')
    op.drop_table('sign_ins')
    op.drop_table('experiments')
    op.drop_table('experiment_results')
