"""The functions with the owner's rights keep to the caller's group, whoever their owner is."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import NotNullViolation

from tests.databases import own_database
from tg_assistant.demo.postgres import Postgres

THEIRS = """
INSERT INTO tenants (id, name, index_generation) VALUES (%(tenant)s, '', 1);
INSERT INTO users (id, telegram_id, first_name, last_name, language, language_chosen)
    VALUES (%(user)s, %(number)s, '', '', 'en', false);
INSERT INTO accounts (id, tenant_id, user_id, telegram_id, status, device, sealed_session, lease_epoch)
    VALUES (%(account)s, %(tenant)s, %(user)s, %(number)s, 'ended', '', 'sealed', 0);
INSERT INTO logins (id, tenant_id, user_id, status, device, password_tries, lease_epoch, expires_at)
    VALUES (%(login)s, %(tenant)s, %(user)s, 'awaiting_scan', '', 0, 0, now() + interval '1 hour');
INSERT INTO channels (id, tenant_id, telegram_id, title, about, private, top_message_id)
    VALUES (%(channel)s, %(tenant)s, 77, '', '', true, 0);
INSERT INTO dialogs (account_id, telegram_id, tenant_id, access_hash, title, private, position)
    VALUES (%(account)s, 77, %(tenant)s, 4711, '', true, 0);
"""
FOLLOW = """
INSERT INTO channel_access (account_id, channel_id, tenant_id, user_id)
    VALUES (%(account)s, %(channel)s, %(tenant)s, %(user)s)
"""
STATES = "SELECT a.status, l.status FROM accounts a JOIN logins l USING (tenant_id) WHERE tenant_id = %s"
HASHES = "SELECT access_hash FROM channel_access WHERE tenant_id = %s"
WITH_RIGHTS = (
    "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
)
Group = dict[str, UUID | int]


@pytest.fixture(params=["tg_owner", "a superuser"])
def migrated(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A database whose functions belong to the usual owner, or to one whom no policy holds."""
    with own_database(postgres) as own:
        if request.param == "a superuser":
            with psycopg.connect(own.admin_url) as admin:
                for (name,) in admin.execute(WITH_RIGHTS).fetchall():
                    admin.execute(f"ALTER FUNCTION {name} OWNER TO CURRENT_USER")
        yield own


def a_group(database: Postgres, number: int) -> Group:
    """An ended account with a private channel in its list, and an attempt whose code is shown."""
    names = ("tenant", "user", "account", "login", "channel")
    group: Group = {**{name: uuid4() for name in names}, "number": number}
    with psycopg.connect(database.admin_url) as admin, psycopg.ClientCursor(admin) as cursor:
        cursor.execute(THEIRS, group)
    return group


def as_a_door(database: Postgres, group: Group, statement: str, values: object) -> None:
    with psycopg.connect(database.app_url) as door:
        door.execute("SELECT set_config('app.tenant_id', %s, true)", [str(group["tenant"])])
        door.execute(statement, values)


def seen(database: Postgres, query: str, group: Group) -> list[tuple[object, ...]]:
    with psycopg.connect(database.admin_url) as admin:
        return admin.execute(query, [group["tenant"]]).fetchall()


def test_a_door_reaches_its_own_group_only(migrated: Postgres) -> None:
    """Cancelling and forgetting do nothing to another group's row, and their work to one's own."""
    own, other = a_group(migrated, 1), a_group(migrated, 2)
    for whose in (other, own):
        as_a_door(migrated, own, "SELECT cancel_login(%s, 'x')", [whose["login"]])
        as_a_door(migrated, own, "SELECT forget_ended_account(%s)", [whose["account"]])
    assert seen(migrated, STATES, other) == [("ended", "awaiting_scan")]
    assert seen(migrated, STATES, own) == [("logged_out", "cancelled")]


def test_an_access_hash_is_filled_from_ones_own_group_only(migrated: Postgres) -> None:
    """Another group's account or channel lends none; one's own list does."""
    own, other = a_group(migrated, 1), a_group(migrated, 2)
    for taken in ("account", "channel"):
        with pytest.raises(NotNullViolation, match="access_hash"):
            as_a_door(migrated, own, FOLLOW, {**own, taken: other[taken]})
    as_a_door(migrated, own, FOLLOW, own)
    assert seen(migrated, HASHES, own) == [(4711,)]


def test_the_worker_works_for_every_group(migrated: Postgres) -> None:
    """It names no tenant while it serves accounts; the hash it brings is kept as it is."""
    group = a_group(migrated, 1)
    brought = FOLLOW.replace("user_id)", "user_id, access_hash)").replace("%(user)s)", "%(user)s, 12)")
    with psycopg.connect(migrated.worker_url) as worker:
        worker.execute(brought, group)
    assert seen(migrated, HASHES, group) == [(12,)]
