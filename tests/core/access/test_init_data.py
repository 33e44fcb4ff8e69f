"""Init data: real signed strings pass, everything bent is the same 401."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.people import VALIDATOR, init_data
from tests.servers import BOT_TOKEN
from tg_assistant.core.access.init_data import Validator
from tg_assistant.errors import SignInNeeded

VECTORS = json.loads(Path(__file__).with_name("init_data_vectors.json").read_text())
USER = {"id": 4001, "first_name": "Анна", "language_code": "ru"}


def refused(text: str, validator: Validator = VALIDATOR) -> bool:
    with pytest.raises(SignInNeeded) as caught:
        validator.check(text, datetime.now(UTC))
    return caught.value.code == "access.init_data"


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["positive"] if v["ed25519_prod"]], ids=lambda v: v["name"]
)
def test_telegrams_own_signatures_pass(vector):
    """A string signed by Telegram itself is accepted at the moment it was made."""
    now = datetime.fromtimestamp(vector["auth_date"] + 1, UTC)
    assert Validator(vector["bot_token"]).check(vector["init_data"], now).person.telegram_id == 279058397


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["positive"] if not v["ed25519_prod"]], ids=lambda v: v["name"]
)
def test_one_signature_is_not_enough(vector):
    """HMAC alone, which a leaked bot token could make, opens nothing."""
    now = datetime.fromtimestamp(vector["auth_date"] + 1, UTC)
    with pytest.raises(SignInNeeded):
        Validator(vector["bot_token"]).check(vector["init_data"], now)


@pytest.mark.parametrize("vector", VECTORS["negative"], ids=lambda v: v["name"])
def test_published_bad_strings_are_refused(vector):
    """What other validators' suites refuse is refused here, always with the same error."""
    assert refused(vector["init_data"], Validator(vector["bot_token"]))


def test_good_init_data_names_the_person():
    """All that sign-in needs comes out of the signed fields."""
    data = VALIDATOR.check(init_data(USER, start_param="inv_ABC"), datetime.now(UTC))
    assert (data.person.telegram_id, data.person.first_name, data.start_param) == (4001, "Анна", "inv_ABC")


@pytest.mark.parametrize(
    "user", [{"id": "1"}, {"id": True}, {"id": 1.5}, {"id": 0}, {"id": 2**53}, {"id": -1}]
)
def test_ids_that_are_no_ids_are_refused(user):
    """A signed but malformed id never becomes a user."""
    assert refused(init_data({"first_name": "x", **user}))


@pytest.mark.parametrize(
    "user", ["null", "[]", "{", '{"id":1,"id":2}', '{"id":5,"is_bot":true}', "[" * 5000], ids=lambda u: u[:12]
)
def test_users_that_are_no_users_are_refused(user):
    """Missing, doubled, robotic or absurdly nested users are refused without a crash."""
    assert refused(init_data(user))


@pytest.mark.parametrize("shift", [-301, 61, 3600, -86400])
def test_old_and_future_dates_are_refused(shift):
    """Init data lives 300 s, and a clock may be 60 s ahead."""
    stamp = int(datetime.now(UTC).timestamp()) + shift
    assert refused(init_data(USER, auth_date=str(stamp)))


def test_structure_is_strict():
    """Duplicates, blanks, folds, bad escapes, other encodings of the hash and great length are refused."""
    good = init_data(USER)
    digest = good.rpartition("hash=")[2]
    bent = [
        good + "&hash=" + digest,
        good + "&x=",
        good + "&=1",
        good.replace("query_id=AAF", "query_id=AAF%0Ax%3D1"),
        good + "&y=%zz",
        init_data(USER, **{"a=b": "c"}),
        good.replace(digest, digest.upper()),
        good.replace(digest, digest[:-1] + "%D9%A1"),
        good.replace("query_id", "%71uery_id%00"),
        good + "&a=" + "b" * 1_000_000,
        "&".join(f"k{i}=1" for i in range(200_000)),
    ]
    assert all(refused(text) for text in bent)


def test_another_bot_and_another_key_are_refused():
    """A string signed for another bot, or by anyone but Telegram, opens nothing here."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    assert refused(init_data(USER, token="42:OTHER"))
    assert refused(init_data(USER, key=Ed25519PrivateKey.generate()))
    assert refused(init_data(USER), Validator(BOT_TOKEN))


@given(st.data())
def test_no_mutation_is_accepted(data):
    """Flip, drop or insert any character: the result is refused or says exactly the same."""
    good = init_data(USER, auth_date=str(int(datetime.now(UTC).timestamp())))
    at = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.characters(codec="utf-8"))
    bent = good[:at] + new + good[at + data.draw(st.integers(0, 1)) :]
    try:
        found = VALIDATOR.check(bent, datetime.now(UTC))
    except SignInNeeded:
        return
    # an equal percent-encoding of the same signed fields has the same hash, so single use still holds
    assert found.digest == VALIDATOR.check(good, datetime.now(UTC)).digest
