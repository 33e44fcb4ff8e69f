"""Strict validator of Mini App init data. Every failure is the same 401, so an attacker learns nothing.

Rules and their order: https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tg_assistant.errors import SignInNeeded

PRODUCTION_KEY = "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d"
MAX_LENGTH = 4096
MAX_FIELDS = 32
MAX_AGE = 300
MAX_FUTURE = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_ESCAPE_FAULT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class _Refused(Exception):
    pass


@dataclass(frozen=True)
class TelegramPerson:
    """A person as Telegram describes them in init data or in a bot's update."""

    telegram_id: int
    first_name: str = ""
    last_name: str = ""
    username: str | None = None
    language_code: str | None = None


@dataclass(frozen=True)
class InitData:
    person: TelegramPerson
    start_param: str | None
    auth_date: int
    digest: bytes  # SHA-256 of the `hash` field; identifies the init data so that it is accepted only once


@dataclass(frozen=True)
class Validator:
    """Checks both signatures: HMAC with the bot token and Ed25519 with Telegram's public key.

    A leak of either secret alone is therefore not enough to forge init data.
    """

    bot_token: str
    public_key_hex: str = PRODUCTION_KEY
    require_ed25519: bool = True  # False only in tests of clients that predate the Ed25519 signature

    @property
    def bot_id(self) -> int:
        """The number before the colon of the bot token; the Ed25519 signature covers it."""
        return int(self.bot_token.partition(":")[0])

    def check(self, init_data: str, now: datetime) -> InitData:
        """Return the verified content. Raises SignInNeeded("access.init_data") for every kind of fault."""
        try:
            return self._check(init_data, now)
        except (_Refused, ValueError, RecursionError):
            raise SignInNeeded("access.init_data") from None

    def _check(self, init_data: str, now: datetime) -> InitData:
        fields = _parse(init_data)
        self._check_hash(fields)
        if self.require_ed25519 or "signature" in fields:
            self._check_signature(fields)
        auth_date = _auth_date(fields, now)
        # the hash covers every other field, so a re-encoded copy of the string yields the same digest
        digest = hashlib.sha256(fields["hash"].encode()).digest()
        return InitData(_person(fields), fields.get("start_param"), auth_date, digest)

    def _check_hash(self, fields: dict[str, str]) -> None:
        given = fields.get("hash", "")
        if not _HASH.fullmatch(given):
            raise _Refused
        secret = hmac.digest(b"WebAppData", self.bot_token.encode(), "sha256")
        expected = hmac.new(secret, _lines(fields, {"hash"}), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise _Refused

    def _check_signature(self, fields: dict[str, str]) -> None:
        signature = _signature(fields.get("signature", ""))
        message = f"{self.bot_id}:WebAppData\n".encode() + _lines(fields, {"hash", "signature"})
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key_hex)).verify(signature, message)
        except InvalidSignature:
            raise _Refused from None


def _parse(init_data: str) -> dict[str, str]:
    if not init_data or len(init_data) > MAX_LENGTH or not init_data.isascii():
        raise _Refused
    pairs = init_data.split("&")
    if len(pairs) > MAX_FIELDS:
        raise _Refused
    fields: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        key, value = _decode(key), _decode(value)
        # key "a=" with value "b" yields the same signed line as key "a" with value "=b", so an equals sign in
        # a key is refused; Telegram's keys contain none
        if not (key and separator) or "=" in key or key in fields:
            raise _Refused
        fields[key] = value
    return fields


def _decode(part: str) -> str:
    if _ESCAPE_FAULT.search(part):
        raise _Refused
    text = unquote_to_bytes(part.replace("+", " ")).decode("utf-8", "strict")
    if _CONTROL.search(text):
        raise _Refused
    return text


def _lines(fields: dict[str, str], without: set[str]) -> bytes:
    return "\n".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in without).encode()


def _signature(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _Refused from None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if len(raw) != 64 or canonical != text:
        raise _Refused
    return raw


def _auth_date(fields: dict[str, str], now: datetime) -> int:
    text = fields.get("auth_date", "")
    if not _SECONDS.fullmatch(text):
        raise _Refused
    age = now.timestamp() - int(text)
    if age > MAX_AGE or age < -MAX_FUTURE:
        raise _Refused
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Refused
    return result


def _no_constant(_: str) -> Any:
    raise _Refused  # NaN and Infinity are Python's, not JSON's


def _person(fields: dict[str, str]) -> TelegramPerson:
    user = json.loads(fields.get("user", "null"), object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(user, dict) or user.get("is_bot") not in (None, False):
        raise _Refused
    telegram_id = user.get("id")
    if type(telegram_id) is not int or not 1 <= telegram_id <= 2**52:
        raise _Refused
    return TelegramPerson(
        telegram_id=telegram_id,
        first_name=_text(user, "first_name"),
        last_name=_text(user, "last_name"),
        username=_text(user, "username") or None,
        language_code=_text(user, "language_code") or None,
    )


def _text(user: dict[str, Any], key: str) -> str:
    value = user.get(key)
    if not isinstance(value, str):
        return ""
    # JSON can encode what PostgreSQL text cannot store: NUL and lone surrogates
    return value[:256].encode("utf-8", "ignore").decode().replace("\x00", "")
