"""Access tokens: JWTs that name a user and a session for at most half an hour.

They carry no rights: those are re-read from SQL on each request.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt

from tg_assistant.errors import SignInNeeded

ISSUER = "tg-assistant"
AUDIENCE = "tg-assistant-api"
MAX_LENGTH = 2048
MAX_SECONDS = 1800  # the longest lifetime that `read` accepts
MIN_KEY_BYTES = 32  # RFC 7518, 3.2: the key must be at least as long as the hash output
_ALGORITHM = "HS256"
_KEY_IDS = frozenset({"1"})
_HEADER = {"alg": _ALGORITHM, "typ": "JWT"}
_REQUIRED = ["exp", "iat", "nbf", "sub", "aud", "iss", "jti", "typ", "sid"]
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_LEEWAY = 5  # seconds that the clocks of two of our own machines may differ by


@dataclass(frozen=True)
class Claims:
    user_id: UUID
    session_id: UUID


def issue(claims: Claims, *, secret: str, ttl_seconds: int, now: datetime) -> str:
    """Return a signed access token, valid for `ttl_seconds` from `now`.

    Raises RuntimeError for a secret under 32 bytes.
    """
    _check_key(secret)
    payload = {
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=ttl_seconds),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": str(uuid4()),
        "typ": "access",
    }
    [key_id] = _KEY_IDS
    return jwt.encode(payload, secret, algorithm=_ALGORITHM, headers={"kid": key_id})


def read(token: str, *, secret: str) -> Claims:
    """Return the verified claims of an access token.

    Raises SignInNeeded("access.token") for anything but an unexpired access token that we issued, and
    RuntimeError for a secret under 32 bytes.
    """
    _check_key(secret)
    try:
        _check_form(token)
        payload = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY,
            options={"require": _REQUIRED, "strict_aud": True},
        )
        _check_claims(payload)
        return Claims(_uuid(payload["sub"]), _uuid(payload["sid"]))
    except (jwt.PyJWTError, BadBase64, ValueError, TypeError, AttributeError, RecursionError):
        raise SignInNeeded("access.token") from None


def _check_form(token: str) -> None:
    """Require three canonical base64url parts and exactly our header; the library is less strict."""
    if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token):
        raise ValueError
    for part in token.split("."):
        # Python's decoder ignores the unused bits of the last character, so it accepts several spellings
        # of one value
        if urlsafe_b64encode(urlsafe_b64decode(part + "==")).rstrip(b"=").decode() != part:
            raise ValueError
    header = jwt.get_unverified_header(token)
    if header.pop("kid", None) not in _KEY_IDS or header != _HEADER:
        raise ValueError


def _check_claims(payload: dict[str, Any]) -> None:
    """Check what the library does not: integer times, a short lifetime, a `jti`, and `typ`."""
    times = [payload[name] for name in ("iat", "nbf", "exp")]
    if not all(type(moment) is int for moment in times) or not 0 < times[2] - times[0] <= MAX_SECONDS:
        raise ValueError
    if payload["typ"] != "access" or not (isinstance(payload["jti"], str) and payload["jti"]):
        raise ValueError


def _uuid(text: str) -> UUID:
    found = UUID(text)
    if str(found) != text:
        raise ValueError
    return found


def _check_key(secret: str) -> None:
    if len(secret.encode()) < MIN_KEY_BYTES:
        raise RuntimeError("JWT_SECRET: needs at least 32 bytes")
