"""Row-level security on every table with a tenant, and the grants of the two roles"""

from alembic import op

from migrations.rls import USER, grant_roles, make_searchable_posts, protect, unprotect

revision = "0006"
down_revision = "0005"

_PLAIN = (
    "accounts",
    "account_tasks",
    "channels",
    "channel_access",
    "channel_ranges",
    "chunks",
    "dialogs",
    "experiments",
    "experiment_results",
    "invite_uses",
    "post_versions",
    "questions",
    "subscriptions",
    "tenant_flags",
)
# what may be seen before the tenant is known
_NOBODYS = f"USING (tenant_id IS NULL AND user_id IS NOT DISTINCT FROM {USER})"
_ALSO = {
    "memberships": {"own": f"FOR SELECT USING (user_id = {USER})"},
    "invites": {"by_code": "USING (code = NULLIF(current_setting('app.invite_code', true), ''))"},
    "logins": {
        "by_link": "FOR SELECT USING (decode(NULLIF(current_setting('app.link_hash', true), ''), 'hex')"
        " IN (link_hash, page_hash))"
    },
    "audit_events": {"about_caller": _NOBODYS},
    "notifications": {
        "about_caller": _NOBODYS,
        "delivering": "USING (current_setting('app.delivering', true) = 'on')",
    },
}


def upgrade() -> None:
    grant_roles()
    for table in _PLAIN:
        protect(table)
    for table, also in _ALSO.items():
        protect(table, **also)
    protect("tenants", column="id")
    protect("posts", operator="true")
    make_searchable_posts()


def downgrade() -> None:
    for table in _PLAIN:
        unprotect(table)
    for table, also in _ALSO.items():
        unprotect(table, *also)
    unprotect("tenants")
    op.execute("DROP VIEW searchable_posts")
    unprotect("posts")
