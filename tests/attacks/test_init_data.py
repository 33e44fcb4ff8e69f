"""Init data: everything an attacker may try with the string that signs people in."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from tests.attacks import mutations
from tests.people import PUBLIC_KEY, SIGNING_KEY, VALIDATOR, init_data
from tests.servers import BOT_TOKEN
from tg_assistant.core.access.init_data import PRODUCTION_KEY, Validator
from tg_assistant.errors import SignInNeeded
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import SignIn

USER = {"id": 810_001, "first_name": "Анна & Co", "language_code": "ru"}
OPERATORS = [*mutations.CHARACTERS, *mutations.fields("&")]


def accepted(text: str, validator: Validator = VALIDATOR, now: datetime | None = None) -> Any:
    """What the validator makes of it, or None; any other error than the one 401 is a failure."""
    try:
        return validator.check(text, now or datetime.now(UTC))
    except SignInNeeded as error:
        assert error.code == "access.init_data"
        return None


async def post(http: httpx.AsyncClient, text: Any) -> httpx.Response:
    return await http.post("/api/auth/telegram-webapp", json={"init_data": text})


def test_any_byte_flipped():
    """Each bit of each byte of a good string, one at a time: not one variant gets in."""
    good = init_data(USER)
    assert accepted(good)
    for place, character in enumerate(good):
        for bit in range(8):
            bent = good[:place] + chr(ord(character) ^ (1 << bit)) + good[place + 1 :]
            found = accepted(bent)
            # %d0 and %D0 are one byte: the same signed content under the same single-use digest
            assert found is None or (same(bent, good) and found == accepted(good)), bent


def same(one: str, other: str) -> bool:
    """Whether two strings say the same, by a decoder that is not ours."""
    try:
        pairs = parse_qsl(one, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return False
    return len({k for k, _ in pairs}) == len(pairs) and dict(pairs) == dict(parse_qsl(other))


def test_mutated_strings(at_length: bool):
    """10^5 bent strings (10^6 in `make attacks`): none says anything that was not signed.

    Telegram's clients differ in how they encode and order the fields, so a string that only spells the very
    same fields differently is the same init data: it is taken, under the same digest, and so once only.
    """
    good = init_data(USER, start_param="inv_ABCDEFGHJKLM")
    digest = accepted(good).digest
    now = datetime.now(UTC)
    forged, spelled = [], 0
    for bent in mutations.mutants(good, OPERATORS, 1_000_000 if at_length else 100_000):
        found = accepted(bent, now=now)
        if found is not None:
            spelled += 1
            if not same(bent, good) or found.digest != digest:
                forged.append(bent)
    assert forged == []
    assert spelled < (10_000 if not at_length else 100_000), "the mutations hardly bend anything"


async def test_mutated_strings_over_http(http: httpx.AsyncClient):
    """2,000 of them at the door, where the good one was used already: 401 each time and nothing else."""
    good = init_data({**USER, "id": 810_002})
    assert (await post(http, good)).status_code == 200
    statuses: dict[int, int] = {}
    for bent in mutations.mutants(good, OPERATORS, 2_000, seed=7):
        answer = await post(http, bent.encode("utf-8", "ignore").decode())
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert statuses == {401: 2_000}


def test_vectors(eval_data: Path):
    """Every published string, signed by Telegram and by other projects' suites, comes out as expected."""
    vectors = json.loads((eval_data / "initdata_vectors.json").read_text())
    test_key = vectors["public_keys"]["test"]
    for vector in vectors["positive"]:
        now = datetime.fromtimestamp(vector["auth_date"] + 1, UTC)
        both = Validator(vector["bot_token"], PRODUCTION_KEY)
        assert (accepted(vector["init_data"], both, now) is not None) == vector.get("ed25519_prod", False)
        other = Validator(vector["bot_token"], test_key)
        assert (accepted(vector["init_data"], other, now) is not None) == vector.get("ed25519_test", False)
        old_client = Validator(vector["bot_token"], PRODUCTION_KEY, require_ed25519=False)
        is_person = vector["name"] != "aio2"  # its id is a string
        assert (accepted(vector["init_data"], old_client, now) is not None) == is_person
    node = vectors["positive"][0]
    for vector in vectors["negative"]:
        _check_negative(vector, node, test_key)


def test_vectors_of_the_primitives(eval_data: Path):
    """The token's secret is keyed by the constant, not the other way round; a string over it gets in."""
    over_token, over_data = json.loads((eval_data / "initdata_vectors.json").read_text())["primitives"]
    secret = hmac.digest(b"WebAppData", b"my-secret-token", "sha256")
    assert secret.hex() == over_token["hex"]
    assert hmac.digest(secret, b"abc", "sha256").hex() == over_data["hex"]
    token = "my-secret-token"
    old_client = Validator(token, PRODUCTION_KEY, require_ed25519=False)
    text = urlencode({"auth_date": str(int(time.time())), "user": json.dumps(USER)})
    assert accepted(_with_hash_of(text, token), old_client)


def test_vectors_signed_by_another_projects_key(eval_data: Path):
    """Its good signature is taken beside a hash of ours, its bad one is not; nor is one without the other."""
    vector = json.loads((eval_data / "initdata_vectors.json").read_text())["aiogram_ed25519_selfkey"]
    token = f"{vector['bot_id']}:{'A' * 35}"
    strict, now = Validator(token, vector["public_key_hex"]), datetime.fromtimestamp(1_650_385_343, UTC)
    found = accepted(_with_hash_of(vector["valid"], token), strict, now)
    assert found and found.person.telegram_id == 42
    assert accepted(_with_hash_of(vector["invalid"], token), strict, now) is None
    assert accepted(vector["valid"], strict, now) is None
    assert accepted(_with_hash_of(vector["valid"], token), Validator(token), now) is None


def _check_negative(vector: dict[str, Any], node: dict[str, Any], test_key: str) -> None:
    """Refused also by the laxest form, at the very second the string was made."""
    text, now = vector["init_data"], datetime.fromtimestamp(node["auth_date"] + 1, UTC)
    if text.startswith("__make__"):
        return  # made and tried by the tests below
    if vector["name"] == "wrong_bot_id_ed25519":  # another bot's owner puts an HMAC of their own on it
        other = f"{vector['bot_id']}:{'A' * 35}"
        assert accepted(_with_hash_of(text, other), Validator(other), now) is None
    elif vector["name"] == "wrong_env_ed25519":
        assert accepted(text, Validator(node["bot_token"], test_key), now) is None
    elif vector["name"] == "expired_1s":
        late = now + timedelta(seconds=301)
        assert accepted(text, Validator(vector["bot_token"]), late) is None
    else:
        for then in (now, datetime.fromtimestamp(1_650_385_342 + 1, UTC), datetime.now(UTC)):
            token = vector["bot_token"] or "42:TEST"
            assert accepted(text, Validator(token, PRODUCTION_KEY, False), then) is None, vector["name"]


def _with_hash_of(text: str, token: str) -> str:
    fields = dict(parse_qsl(text))
    fields.pop("hash", None)
    lines = "\n".join(f"{key}={fields[key]}" for key in sorted(fields))
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return urlencode({**fields, "hash": hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()})


def test_a_leaked_bot_token_forges_nothing():
    """Whoever knows the bot token makes a valid HMAC for anybody; Telegram's own signature is missing."""
    own_key = Ed25519PrivateKey.generate()
    assert accepted(init_data(USER, key=own_key)) is None
    good = dict(parse_qsl(init_data(USER)))
    other = dict(parse_qsl(init_data({**USER, "id": 1})))
    assert accepted(_with_hash_of(urlencode({**other, "signature": good["signature"]}), BOT_TOKEN)) is None
    without = {key: value for key, value in good.items() if key != "signature"}
    assert accepted(_with_hash_of(urlencode(without), BOT_TOKEN)) is None


def test_telegrams_key_alone_forges_nothing():
    """The second signature without the bot's own HMAC."""
    fields = dict(parse_qsl(init_data(USER)))
    for wrong in ("0" * 64, fields["hash"][::-1]):
        assert accepted(urlencode({**fields, "hash": wrong})) is None


def test_another_bots_string():
    """Properly signed by Telegram, for another bot."""
    assert accepted(init_data(USER, token="7000000002:another-bot-of-the-same-person-0123")) is None


def test_the_test_environments_key():
    """A string signed in Telegram's test environment opens nothing; the key comes from settings alone."""
    assert accepted(init_data(USER), Validator(BOT_TOKEN, PRODUCTION_KEY)) is None


@pytest.mark.parametrize("age", [-61, -3600, 301, 86_400, 10**11])
def test_too_old_or_from_the_future(age: int):
    """Five minutes old at most, a minute ahead at most."""
    now = datetime.now(UTC).replace(microsecond=0)
    assert accepted(init_data(USER, auth_date=str(int(now.timestamp()) - age)), now=now) is None


@pytest.mark.parametrize("age", [-58, 0, 298])
def test_within_its_time(age: int):
    """The rule refuses no honest clock."""
    now = datetime.now(UTC).replace(microsecond=0)
    assert accepted(init_data(USER, auth_date=str(int(now.timestamp()) - age)), now=now)


@pytest.mark.parametrize(
    "date", ["", "-1", "+5", "1e9", "0x10", "1_000", "１７", " 1", "9" * 13, "nan", "1.5"], ids=ascii
)
def test_dates_that_are_no_digits(date: str):
    """Signed, but not a number of seconds."""
    assert accepted(init_data(USER, auth_date=date)) is None
    fields = dict(parse_qsl(init_data(USER)))
    del fields["auth_date"]
    assert accepted(_with_hash_of(urlencode(fields), BOT_TOKEN)) is None


def test_duplicate_keys():
    """The same field twice, with the same or another value, before or after, or spelled differently."""
    good = init_data(USER)
    user = quote(json.dumps({**USER, "id": 1}))
    for bent in (
        f"{good}&user={user}",
        f"user={user}&{good}",
        f"{good}&{good}",
        f"{good}&%75ser={user}",
        f"{good}&hash={'0' * 64}",
        f"auth_date={int(time.time())}&{good}",
    ):
        assert accepted(bent) is None


@pytest.mark.parametrize(
    "bend",
    [str.upper, str.title, lambda h: h[:-1], lambda h: h + "0", lambda h: h + "\n", lambda h: f" {h}"],
    ids=["upper", "title", "short", "long", "newline", "space"],
)
def test_hash_of_another_form(bend: Any):
    """64 lower-case hexadecimal digits, and not something that only compares equal."""
    fields = dict(parse_qsl(init_data(USER)))
    assert accepted(urlencode({**fields, "hash": bend(fields["hash"])})) is None


@pytest.mark.parametrize("digit", ["é", "٣", "\uff11", "𝟙", "\x00"], ids=ascii)
def test_hash_of_other_alphabets(digit: str):
    """A hash with a digit that is none in ASCII is a refusal, not a crash."""
    fields = dict(parse_qsl(init_data(USER)))
    assert accepted(urlencode({**fields, "hash": digit + fields["hash"][1:]})) is None
    assert accepted(init_data(USER).replace("hash=", f"hash={digit}")) is None


@pytest.mark.parametrize("extra", ["&x", "&x=", "&=", "&=x", "&", "x=&", "&&", "&%00=1", "&a%0Ab=1"])
def test_extra_fields(extra: str):
    """A field that was not signed, be it blank, nameless or hidden in a control character."""
    good = init_data(USER)
    assert accepted(good + extra) is None
    assert accepted(extra + good) is None


def test_newlines_folded_into_a_field():
    """A value that contains lines looks like several fields to the check, and like one to the reader."""
    good = dict(parse_qsl(init_data(USER)))
    folded = {"auth_date": f"{good['auth_date']}\nquery_id={good['query_id']}"}
    rest = {key: value for key, value in good.items() if key not in ("auth_date", "query_id")}
    assert accepted(urlencode({**folded, **rest})) is None
    assert accepted(init_data(USER, start_param="a\nuser={}")) is None


def moved(good: str) -> list[str]:
    """The string with the sign between a key and its value moved right to each later "=" of the field."""
    bent, fields = [], parse_qsl(good)
    for n, (key, value) in enumerate(fields):
        line = f"{key}={value}"
        for place in range(len(key) + 1, len(line)):
            if line[place] == "=":
                pair = (line[:place], line[place + 1 :])
                bent += [urlencode([*fields[:n], pair, *fields[n + 1 :]])]
                bent += [urlencode([*fields[:n], pair, *fields[n + 1 :]]).replace("%3D", "%3d")]
    return bent


@pytest.mark.parametrize("value", ["x=y", "=y", "x==", "===", "a=b=c", "user={}", "x=\u043f=y"])
def test_the_sign_moved_into_the_key(value: str):
    """Key and value cut at another "=" sign the very same lines: such a key is refused, not read anew."""
    good = init_data(USER, start_param=value, receiver=f"a{value}")
    assert accepted(good)
    bent = moved(good)
    assert len(bent) >= 4
    assert [text for text in bent if accepted(text) is not None] == []


def test_a_signed_key_with_the_sign():
    """Also where Telegram itself signed such a key: what it stands for is not known."""
    for key in ("=", "a=", "=a", "a=b", "user=", "auth_date=1", "\u00e9=x"):
        assert accepted(init_data(USER, **{key: "1"})) is None, key


def test_encoded_twice():
    """Decoded once: what a proxy encoded again is not what Telegram signed."""
    good = init_data(USER)
    assert accepted(quote(good)) is None
    assert accepted(urlencode({key: quote(value) for key, value in parse_qsl(good)})) is None


@pytest.mark.parametrize("bent", ["%", "%4", "%zz", "%C3", "%ED%A0%80", "%F8%88%80%80%80", "%C0%AF"])
def test_bytes_that_are_no_text(bent: str):
    """Half an escape, half a character, a surrogate, an overlong form."""
    assert accepted(init_data(USER) + f"&x={bent}") is None
    assert accepted(init_data(USER).replace("user=", f"user={bent}")) is None


def test_enormous_strings():
    """A megabyte and 200,000 fields are refused before anything is looked at."""
    began = time.monotonic()
    for big in ("a=" + "b" * 10**6, "&".join(f"k{n}=v" for n in range(200_000)), "%41" * 10**6, "&" * 10**6):
        assert accepted(big) is None
    assert time.monotonic() - began < 5
    assert accepted(init_data(USER, start_param="x" * 4096)) is None
    many = {f"k{n}": "v" for n in range(32)}
    assert accepted(init_data(USER, **many)) is None


async def test_enormous_strings_over_http(http: httpx.AsyncClient):
    """The same 401 as any other fault, or the door's own limit on what may be sent."""
    for big in ("a" * 20_000, "a=b&" * 50_000, "b" * 900_000):
        assert (await post(http, big)).status_code == 401
    assert (await post(http, "b" * 3_000_000)).status_code == 413


@pytest.mark.parametrize(
    "user",
    ["[" * 4000, '{"a":' * 700, '{"id":1,"x":' + "[" * 900 + "]" * 900 + "}", '{"id":' + "9" * 3000 + "}"],
    ids=["brackets", "objects", "nested", "digits"],
)
def test_deep_json(user: str):
    """Signed nonsense inside `user` costs neither the stack nor the time."""
    assert accepted(init_data(user)) is None


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{",
        "{}",
        '{"id":null}',
        '{"id":"810001"}',
        '{"id":true}',
        '{"id":1.0}',
        '{"id":1e3}',
        '{"id":0}',
        '{"id":-5}',
        '{"id":4503599627370497}',
        '{"id":9223372036854775808}',
        '{"id":NaN}',
        '{"id":Infinity}',
        '{"id":[1]}',
        '{"id":1,"id":2}',
        '{"id":1,"\\u0069d":2}',
        '{"id":5,"is_bot":true}',
        '{"id":5,"is_bot":1}',
        '{"id":5,"is_bot":"no"}',
        '{"id":5,"x":NaN}',
        "\ufeff{}",
    ],
)
def test_users_that_are_nobody(user: str):
    """Missing, a bot, an id that is no id, or two of them: signed and refused all the same."""
    assert accepted(init_data(user)) is None


def test_no_user_at_all():
    """A string for a chat instead of a person signs nobody in."""
    fields = dict(parse_qsl(init_data(USER)))
    del fields["user"]
    text = "\n".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in ("hash", "signature"))
    signature = SIGNING_KEY.sign(f"{BOT_TOKEN.partition(':')[0]}:WebAppData\n{text}".encode())
    fields["signature"] = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert accepted(_with_hash_of(urlencode(fields), BOT_TOKEN)) is None


@pytest.mark.parametrize(
    "bend",
    [
        lambda s: s + "==",
        lambda s: s[:-1],
        lambda s: s + "A",
        lambda s: s.replace("-", "+").replace("_", "/") + "=",
        lambda s: s[:-1] + chr(ord(s[-1]) + 1),
        lambda s: "A",
        lambda s: "",
        lambda s: s + s,
        lambda s: "é" + s,
        lambda s: "A" * 86,
        lambda s: s[:40] + "\n" + s[40:],
    ],
)
def test_signatures_of_another_form(bend: Any):
    """64 bytes in canonical base64url: nothing padded, shortened, in another alphabet or with spare bits."""
    fields = dict(parse_qsl(init_data(USER)))
    bent = bend(fields["signature"])
    if bent == fields["signature"]:
        bent += "-"
    assert accepted(_with_hash_of(urlencode({**fields, "signature": bent}), BOT_TOKEN)) is None


async def test_names_that_no_database_holds(http: httpx.AsyncClient):
    """NUL and half an emoji in a signed name are dropped, and crash nothing."""
    user = '{"id":810003,"first_name":"A\\u0000n\\ud83d na","username":"\\udc00"}'
    assert (await post(http, init_data(user))).status_code == 200


async def test_replayed_fifty_times_at_once(http: httpx.AsyncClient):
    """The same string from fifty places in one moment: one gets in."""
    good = init_data({**USER, "id": 810_004})
    answers = await asyncio.gather(*(post(http, good) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 49
    assert (await post(http, good)).status_code == 401


async def test_replayed_in_another_spelling(http: httpx.AsyncClient):
    """Fields in another order, spaces as %20, small hexadecimal digits: still used up."""
    good = init_data({**USER, "id": 810_005})
    assert (await post(http, good)).status_code == 200
    pairs = parse_qsl(good)
    for bent in (
        urlencode(pairs[::-1]),
        urlencode(pairs, quote_via=quote),
        urlencode(pairs).replace("%D0", "%d0"),
    ):
        answer = await post(http, bent)
        assert answer.status_code == 401 and answer.json()["code"] == "access.init_data_seen"


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["x"], {"x": 1}])
async def test_something_that_is_no_string(http: httpx.AsyncClient, value: Any):
    """JSON of another type is refused as input, or as no init data at all; never a 5xx."""
    assert (await post(http, value)).status_code in (401, 422)


async def test_failed_sign_ins_are_written_down_without_what_was_brought(
    http: httpx.AsyncClient, rt: Runtime
):
    """When, from where and why; never the string, which may be somebody's that is still good."""
    marker = "marker-of-a-stolen-string"
    bent = init_data({**USER, "id": 810_006}, start_param=marker)[:-1] + "x"
    await http.post("/api/auth/telegram-webapp", json={"init_data": bent}, headers={"User-Agent": "Thief/1"})
    async with rt.db.transaction() as db:
        [seen] = (await db.exec(select(SignIn).where(SignIn.device == "Thief/1"))).all()
    assert (seen.outcome, seen.user_id, seen.address) == ("access.init_data", None, "127.0.0.1")
    assert marker not in seen.model_dump_json()


async def test_good_sign_ins_are_written_down(http: httpx.AsyncClient, rt: Runtime):
    """With whom, by which door, on which device."""
    answer = await http.post(
        "/api/auth/telegram-webapp",
        json={"init_data": init_data({**USER, "id": 810_007})},
        headers={"User-Agent": "Honest/1"},
    )
    async with rt.db.transaction() as db:
        [seen] = (await db.exec(select(SignIn).where(SignIn.device == "Honest/1"))).all()
    assert answer.status_code == 200
    assert (seen.outcome, seen.door) == ("ok", "app") and seen.user_id and seen.session_id


async def test_refusals_all_look_the_same(http: httpx.AsyncClient):
    """An attacker learns nothing from which rule refused."""
    wrong = [
        init_data(USER, token="7000000002:x" * 4),
        init_data(USER, auth_date="1"),
        "",
        "x" * 5000,
        init_data('{"id":0}'),
        init_data(USER).replace("hash=", "hash=0"),
    ]
    bodies = []
    for text in wrong:
        body = (await post(http, text)).json()
        body.pop("request_id")
        bodies.append(body)
    assert all(body == bodies[0] for body in bodies) and PUBLIC_KEY not in str(bodies)
