"""Launch data is signed as Telegram signs it, both ways."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data
from aiogram.utils.web_app_signature import check_webapp_signature as check_third_party
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.control import Sandbox
from sandbox.initdata import sign

# aiogram's own vector (MIT): tests/test_utils/test_web_app_signature.py
KEY = "c80e09dc60f5efcf2e1f8d0793358e0ea3371267bef0024588f7bf67cf48dfb9"
SIGNATURE = "JQ0JR2tjC65yq_jNZV0wuJVX6J-SWPMV0mprUXG34g-NvxL4RcF1Rz5n4VVo00VRghEUBf5t___uoeb1-jU_Cw"


def test_the_ed25519_signature_matches_a_known_vector() -> None:
    """The same fields and key give the signature others publish."""
    fields = {"auth_date": "1650385342", "user": '{"id":42,"first_name":"Test"}', "query_id": "test"}
    signed = sign(fields, "42:TEST", Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEY)))
    assert parse_qs(signed)["signature"] == [SIGNATURE]


async def test_both_signatures_verify_with_aiogram(sandbox: Sandbox) -> None:
    """HMAC with the bot token, Ed25519 with the installation's key."""
    data = sandbox.phone("anna").init_data()
    assert check_webapp_signature(sandbox.install["bot_token"], data)
    public = bytes.fromhex(sandbox.install["init_data_public_key"])
    assert check_third_party(sandbox.install["bot_id"], data, public)
    assert not check_webapp_signature(
        sandbox.install["bot_token"], data.replace("auth_date=1", "auth_date=2")
    )


async def test_it_names_the_person_and_the_moment(sandbox: Sandbox) -> None:
    """User, date, start parameter."""
    data = safe_parse_webapp_init_data(
        sandbox.install["bot_token"], sandbox.phone("anna").init_data(start_param="ch_1")
    )
    assert data.user and data.user.first_name == "Анна" and data.user.language_code == "ru"
    assert int(data.auth_date.timestamp()) == sandbox.world.clock.unix()
    assert data.start_param == "ch_1"


async def test_launch_address_is_what_telegram_web_opens(sandbox: Sandbox) -> None:
    """Everything travels in the fragment; the theme follows the person's phone."""
    sandbox.world.people.set_preferences(sandbox.phone("max").person, None, "dark")
    launch = sandbox.phone("max").open_web_app(
        "https://app.example/tg/app/", source="link", start_param="post_5", platform="tdesktop"
    )
    parts = urlsplit(launch.url)
    assert parse_qs(parts.query) == {"tgWebAppStartParam": ["post_5"]}
    fragment = {name: value[0] for name, value in parse_qs(parts.fragment).items()}
    assert fragment["tgWebAppData"] == launch.init_data
    assert (fragment["tgWebAppVersion"], fragment["tgWebAppPlatform"]) == ("9.1", "tdesktop")
    assert json.loads(fragment["tgWebAppThemeParams"])["bg_color"] == "#212121"
