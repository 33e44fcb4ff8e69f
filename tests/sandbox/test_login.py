"""How an account logs in, as Telethon sees it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from telethon import errors
from telethon.tl import functions, types

from sandbox.control import Sandbox
from sandbox.world.errors import WorldError
from tests.sandbox.conftest import Connect, make_client


async def test_qr_login_while_waiting(sandbox: Sandbox, connect: Connect) -> None:
    """A scan wakes the waiting client, which is then the scanner's account."""
    client = await connect(None)
    login = await client.qr_login()
    waiting = asyncio.ensure_future(login.wait(60))
    await asyncio.sleep(0.05)
    sandbox.phone("anna").scan(login.url)
    user = await waiting
    assert user.id == sandbox.phone("anna").person.id
    assert (await client.get_me()).username == "anna_lebedeva"


async def test_qr_shows_device_and_seconds_left(sandbox: Sandbox, connect: Connect) -> None:
    """The scanner's list shows what the screen shows, until it is scanned."""
    client = await connect(None, device_model="Telegram Assistant")
    login = await client.qr_login()
    [code] = sandbox.shown_codes()
    assert sandbox.shown_urls() == [login.url]
    assert 15 <= code.expires - datetime.now(UTC).timestamp() <= 30
    sandbox.phone("anna").scan(login.url)
    assert sandbox.shown_codes() == []


async def test_refreshed_code_and_the_one_before_both_work(sandbox: Sandbox, connect: Connect) -> None:
    """A refresh makes another code; the older one lives until its own expiry."""
    client = await connect(None)
    login = await client.qr_login()
    first = login.token
    await login.recreate()
    assert login.token != first
    assert len(sandbox.shown_codes()) == 1
    sandbox.phone("anna").scan(first)
    assert isinstance(await client(login._request), types.auth.LoginTokenSuccess)


async def test_expired_code_is_refused(sandbox: Sandbox, connect: Connect) -> None:
    """Codes die with the server's clock."""
    client = await connect(None)
    login = await client.qr_login()
    sandbox.shift_clock(31)
    with pytest.raises(WorldError, match="expired"):
        sandbox.phone("anna").scan(login.url)
    assert sandbox.shown_codes() == []


async def test_code_works_once_and_unknown_codes_never(sandbox: Sandbox, connect: Connect) -> None:
    """Only a code now being shown can be scanned."""
    client = await connect(None)
    login = await client.qr_login()
    sandbox.phone("anna").scan(login.url)
    with pytest.raises(WorldError, match="has been used"):
        sandbox.phone("max").scan(login.url)
    with pytest.raises(WorldError, match="No screen"):
        sandbox.phone("max").scan("tg://login?token=AAAA")
    await client(login._request)


async def test_opening_the_link_only_warns(sandbox: Sandbox, connect: Connect) -> None:
    """tg://login opened on the phone logs nothing in."""
    client = await connect(None)
    login = await client.qr_login()
    assert "камерой" in sandbox.phone("anna").open_link(login.url)
    assert isinstance(await client(login._request), types.auth.LoginToken)


async def test_qr_login_across_data_centres(sandbox: Sandbox, connect: Connect) -> None:
    """An account of another data centre makes the client move there."""
    sandbox.migrate("anna")
    client = await connect(None)
    login = await client.qr_login()
    waiting = asyncio.ensure_future(login.wait(60))
    await asyncio.sleep(0.05)
    sandbox.phone("anna").scan(login.url)
    user = await waiting
    assert user.first_name == "Анна"
    assert client.session.dc_id == 4
    assert await client.is_user_authorized()


async def test_two_factor_by_qr(sandbox: Sandbox, connect: Connect) -> None:
    """With 2FA a scan is half a login: hint, wrong password, right password."""
    sandbox.phone("anna").set_password("тайна", hint="кот")
    client = await connect(None)
    login = await client.qr_login()
    sandbox.phone("anna").scan(login.url)
    with pytest.raises(errors.SessionPasswordNeededError):
        await client(login._request)
    [session] = sandbox.phone("anna").sessions()
    assert session.pending_id and not session.person_id
    password = await client(functions.account.GetPasswordRequest())
    assert password.hint == "кот"
    with pytest.raises(errors.PasswordHashInvalidError):
        await client.sign_in(password="не та")
    user = await client.sign_in(password="тайна")
    assert user.id == sandbox.phone("anna").person.id


async def test_phone_number_and_code(sandbox: Sandbox, connect: Connect) -> None:
    """The code goes to the person's phone; a wrong one is refused."""
    client = await connect(None)
    person = sandbox.phone("max").person
    await client.send_code_request(person.phone)
    assert person.login_code
    with pytest.raises(errors.PhoneCodeInvalidError):
        await client.sign_in(person.phone, "0")
    user = await client.sign_in(person.phone, person.login_code["code"])
    assert user.id == person.id


async def test_phone_login_in_another_data_centre(sandbox: Sandbox, connect: Connect) -> None:
    """PHONE_MIGRATE is followed by Telethon itself."""
    sandbox.migrate("max")
    client = await connect(None)
    person = sandbox.phone("max").person
    await client.send_code_request(person.phone)
    assert person.login_code
    await client.sign_in(person.phone, person.login_code["code"])
    assert client.session.dc_id == 4


async def test_unknown_application_is_refused(sandbox: Sandbox) -> None:
    """api_id and api_hash are checked."""
    client = make_client(sandbox)
    client.api_hash = "0" * 32
    await client.connect()
    with pytest.raises(errors.ApiIdInvalidError):
        await client.qr_login()
    await client.disconnect()


async def test_log_out_ends_the_session(sandbox: Sandbox, connect: Connect) -> None:
    """After logOut the device is gone from the phone's list."""
    client = await connect("anna")
    assert len(sandbox.phone("anna").sessions()) == 1
    await client.log_out()
    assert sandbox.phone("anna").sessions() == []


async def test_devices_as_the_account_sees_them(sandbox: Sandbox, connect: Connect) -> None:
    """getAuthorizations lists the devices and which of them asks."""
    client = await connect("anna", device_model="First")
    await connect("anna", device_model="Second")
    found = await client(functions.account.GetAuthorizationsRequest())
    assert {each.device_model: each.current for each in found.authorizations} == {
        "First": True,
        "Second": False,
    }
