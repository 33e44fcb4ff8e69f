"""auth.*: login by QR and by phone code, 2FA, logout.

Sources: https://core.telegram.org/api/qr-login, https://core.telegram.org/api/auth, …/api/srp
"""

from __future__ import annotations

import secrets
from typing import Any

from telethon.tl import functions
from telethon.tl.functions import auth
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.account import authorization
from sandbox.tg_api.dispatch import Caller, RpcFault, rpc
from sandbox.tl import types
from sandbox.world import srp
from sandbox.world.model import LoginToken, Person

CODE_LENGTH = 5
CODE_LIFETIME = 300  # seconds
_challenges: dict[str, srp.Challenge] = {}


def _check_app(caller: Caller, request: Any) -> None:
    facts = caller.world.install.facts
    if (request.api_id, request.api_hash) != (facts["api_id"], facts["api_hash"]):
        raise RpcFault(400, "API_ID_INVALID")


def _authorised(caller: Caller, person: Person) -> TLObject:
    return types.auth.Authorization(user=convert.user(caller.world, person, person))


def _enter(caller: Caller, person: Person) -> TLObject:
    """Log the key in. Raises RpcFault SESSION_PASSWORD_NEEDED if the person has a 2FA password."""
    if person.password:
        caller.world.keys.await_password(caller.key, person)
        raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
    caller.world.keys.log_in(caller.key, person)
    return _authorised(caller, person)


@rpc(auth.ExportLoginTokenRequest, public=True)
def export_login_token(caller: Caller, request: auth.ExportLoginTokenRequest) -> TLObject:
    _check_app(caller, request)
    if caller.key.person_id:
        return types.auth.LoginTokenSuccess(_authorised(caller, caller.person))
    if caller.key.pending_id:
        raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
    token = caller.world.tokens.accepted(caller.key)
    if token is None:
        fresh = caller.world.tokens.export(caller.key)
        return types.auth.LoginToken(convert.moment(fresh.expires), bytes.fromhex(fresh.token))
    person = _scanner(caller, token)
    if person.dc_id != caller.key.dc_id:
        return types.auth.LoginTokenMigrateTo(person.dc_id, bytes.fromhex(token.token))
    return _redeem(caller, token)


@rpc(auth.ImportLoginTokenRequest, public=True)
def import_login_token(caller: Caller, request: auth.ImportLoginTokenRequest) -> TLObject:
    token = caller.world.tokens.find(request.token)
    if token is None or token.accepted_by is None or token.used:
        raise RpcFault(400, "AUTH_TOKEN_INVALID")
    if _scanner(caller, token).dc_id != caller.key.dc_id:
        raise RpcFault(400, "AUTH_TOKEN_INVALID")
    return _redeem(caller, token)


def _scanner(caller: Caller, token: LoginToken) -> Person:
    assert token.accepted_by is not None
    return caller.world.people.by_id[token.accepted_by]


def _redeem(caller: Caller, token: LoginToken) -> TLObject:
    caller.world.tokens.redeem(token)
    return types.auth.LoginTokenSuccess(_enter(caller, _scanner(caller, token)))


@rpc(auth.AcceptLoginTokenRequest)
def accept_login_token(caller: Caller, request: auth.AcceptLoginTokenRequest) -> TLObject:
    key = caller.world.keys.accept(caller.person, request.token)
    return authorization(key, current=False)


@rpc(auth.SendCodeRequest, public=True)
def send_code(caller: Caller, request: auth.SendCodeRequest) -> TLObject:
    _check_app(caller, request)
    person = _by_phone(caller, request.phone_number)
    if person.dc_id != caller.key.dc_id:
        raise RpcFault(303, f"PHONE_MIGRATE_{person.dc_id}")
    code = "".join(secrets.choice("0123456789") for _ in range(CODE_LENGTH))
    now = caller.world.clock.unix()
    person.login_code = {"code": code, "hash": secrets.token_hex(9), "date": now}
    caller.world.people.save(person)
    caller.world.hub.emit("login_code", person=person, code=code)
    return types.auth.SentCode(types.auth.SentCodeTypeApp(CODE_LENGTH), person.login_code["hash"])


@rpc(auth.SignInRequest, public=True)
def sign_in(caller: Caller, request: auth.SignInRequest) -> TLObject:
    person = _by_phone(caller, request.phone_number)
    sent = person.login_code
    if sent is None or sent["hash"] != request.phone_code_hash:
        raise RpcFault(400, "PHONE_CODE_EXPIRED")
    if caller.world.clock.now() > sent["date"] + CODE_LIFETIME:
        raise RpcFault(400, "PHONE_CODE_EXPIRED")
    if sent["code"] != request.phone_code:
        raise RpcFault(400, "PHONE_CODE_INVALID")
    person.login_code = None
    caller.world.people.save(person)
    return _enter(caller, person)


def _by_phone(caller: Caller, phone: str) -> Person:
    person = caller.world.people.with_phone(phone)
    if person is None:
        raise RpcFault(400, "PHONE_NUMBER_INVALID")
    return person


def password_owner(caller: Caller) -> Person:
    """The person whose password this key may ask about: logged in with it, or pending the 2FA password.

    Raises RpcFault AUTH_KEY_UNREGISTERED.
    """
    owner = caller.key.person_id or caller.key.pending_id
    if owner is None:
        raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
    return caller.world.people.by_id[owner]


@rpc(functions.account.GetPasswordRequest, public=True)
def get_password(caller: Caller, request: functions.account.GetPasswordRequest) -> TLObject:
    kept = password_owner(caller).password
    facts: dict[str, Any] = {}
    if kept:
        asked = _challenges[caller.key.id] = srp.challenge(kept)
        facts = {
            "has_password": True,
            "current_algo": srp.algorithm(kept["salt1"], kept["salt2"]),
            "srp_B": asked.public,
            "srp_id": asked.id,
            "hint": kept["hint"] or None,
        }
    return types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=secrets.token_bytes(256),
        **facts,
    )


@rpc(auth.CheckPasswordRequest, public=True)
def check_password(caller: Caller, request: auth.CheckPasswordRequest) -> TLObject:
    person = password_owner(caller)
    asked = _challenges.pop(caller.key.id, None)
    proof: Any = request.password
    if person.password is None or not isinstance(proof, types.InputCheckPasswordSRP):
        raise RpcFault(400, "PASSWORD_HASH_INVALID")
    if asked is None or asked.id != proof.srp_id:
        raise RpcFault(400, "SRP_ID_INVALID")
    if not srp.check(person.password, asked, proof.A, proof.M1):
        raise RpcFault(400, "PASSWORD_HASH_INVALID")
    caller.world.keys.log_in(caller.key, person)
    return _authorised(caller, person)


@rpc(auth.LogOutRequest, public=True)
def log_out(caller: Caller, request: auth.LogOutRequest) -> TLObject:
    if caller.key.person_id is None and caller.key.pending_id is None:
        raise RpcFault(401, caller.key.error or "AUTH_KEY_UNREGISTERED")
    caller.world.keys.log_out(caller.key)
    return types.auth.LoggedOut()
