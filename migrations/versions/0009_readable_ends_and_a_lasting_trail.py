"""Ends of plans and invites that Python can read, a trail nobody rewrites, the schema's number for reading

Row-level security hides the rows to be repaired from the owner, too; `migrations/env.py` has said
`app.operator`. A row that were missed would stop the migration: a CHECK looks at all of them.
"""

from alembic import op

from migrations.rls import APP, WORKER

revision = "0009"
down_revision = "0008"

_FIRST, _AFTER = "timestamptz '2000-01-01 00:00:00+00'", "timestamptz '2200-01-01 00:00:00+00'"
# a repaired membership is a changed one: its version rises
_ENDS = {("memberships", "plan_expires_at"): ", version = version + 1", ("invites", "expires_at"): ""}


def upgrade() -> None:
    for (table, column), also in _ENDS.items():
        nearest = f"GREATEST({_FIRST}, LEAST({column}, {_AFTER} - interval '1 microsecond'))"
        readable = f"{column} >= {_FIRST} AND {column} < {_AFTER}"
        op.execute(f"UPDATE {table} SET {column} = {nearest}{also} WHERE NOT ({readable})")  # noqa: S608  # nosec B608
        op.create_check_constraint(f"ck_{table}_{column}", table, readable)
    # the worker deletes lines that are too old (core/privacy/retention.py); a deleted group's lines go with it by
    # the foreign key, with the owner's rights
    op.execute(f"REVOKE UPDATE ON audit_events FROM {APP}, {WORKER}")
    op.execute(f"REVOKE DELETE ON audit_events FROM {APP}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {APP}, {WORKER}")


def downgrade() -> None:
    op.execute(f"GRANT INSERT, UPDATE, DELETE ON alembic_version TO {APP}, {WORKER}")
    op.execute(f"GRANT DELETE ON audit_events TO {APP}")
    op.execute(f"GRANT UPDATE ON audit_events TO {APP}, {WORKER}")
    for table, column in _ENDS:
        op.drop_constraint(f"ck_{table}_{column}", table, type_="check")
