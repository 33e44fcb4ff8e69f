"""Row-level security: PostgreSQL's own wall between tenants, behind the scoping that core does.

A migration that makes a table with a `tenant_id` ends with `protect("its_name")`.
"""

from alembic import op

APP, WORKER = "tg_app", "tg_worker"  # roles of web and bot, and of ingest; a login role may be a member
# after a commit a pooled connection's setting is '', not NULL
TENANT = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"
USER = "NULLIF(current_setting('app.user_id', true), '')::uuid"
OPERATOR = "current_setting('app.operator', true) = 'on'"


def protect(table: str, *, column: str = "tenant_id", operator: str = OPERATOR, **also: str) -> None:
    """Show the rows of `table` to the tenant of the transaction and to nobody else; for migrations.

    `also` are further policies, `name="FOR … USING (…)"`: what may be seen before the tenant is known.
    The worker works for all tenants while it names none; the owner (migrations, the command line) only
    after `SET LOCAL app.operator = 'on'` (or where `operator` is true). Migrations of the
    past rely on this: it may only grow.
    """
    policies = {
        "tenant": f"USING ({column} = {TENANT})",
        "worker": f"TO {WORKER} USING ({TENANT} IS NULL)",
        "operator": f"TO CURRENT_ROLE USING ({operator})",
        **also,
    }
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for name, rule in policies.items():
        op.execute(f"CREATE POLICY {name} ON {table} {rule}")


def make_searchable_posts() -> None:
    """The tenant's posts as the full-text search reads them: the one view past the policies.

    `@@` is not leakproof, so under a policy PostgreSQL never looks it up in the GIN index: 165 ms instead of
    8 ms a word over 50,000 posts. A view reads as its owner, whom the policy of `posts` lets pass, and its
    own condition is no security barrier; so it is for statements of ours, without anybody's functions.
    """
    columns = "id, tenant_id, channel_id, posted_at, deleted_at, tsv"
    op.execute(f"CREATE VIEW searchable_posts AS SELECT {columns} FROM posts WHERE tenant_id = {TENANT}")  # noqa: S608  # nosec B608
    op.execute(f"REVOKE ALL ON searchable_posts FROM {APP}, {WORKER}")
    op.execute(f"GRANT SELECT ON searchable_posts TO {APP}, {WORKER}")


def unprotect(table: str, *also: str) -> None:
    """The way back from `protect`, given the further policies' names; dropping the table does it, too."""
    for name in ("tenant", "worker", "operator", *also):
        op.execute(f"DROP POLICY {name} ON {table}")
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def grant_roles() -> None:
    """Let the two roles use every table there is and will be; make them where the owner may make roles.

    Fails with the sentence that says what to do where they are missing. Migration 0009 takes back what would
    rewrite the audit trail and the schema's number, migration 0012 all that web and bot have no need of:
    whoever calls this again has to do so, too.
    """
    for role in (APP, WORKER):
        op.execute(_MAKE.format(role=role))
    to = f"TO {APP}, {WORKER}"
    op.execute(f"GRANT USAGE ON SCHEMA public {to}")
    for what in ("SELECT, INSERT, UPDATE, DELETE ON {}TABLES", "USAGE, SELECT ON {}SEQUENCES"):
        op.execute(f"GRANT {what.format('ALL ')} IN SCHEMA public {to}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {what.format('')} {to}")


_MAKE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'role {role} is missing, and this role may not make it'
        USING HINT = 'As a superuser: CREATE ROLE {role} NOLOGIN; GRANT {role} TO the role of DATABASE_URL';
END $$
"""
