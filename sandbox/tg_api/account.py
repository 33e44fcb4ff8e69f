"""account.*, help.* and users.*: requests of a client about itself and about Telegram."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from telethon.tl import functions
from telethon.tl.functions import account, help, users
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.dispatch import Caller, RpcFault, rpc
from sandbox.tg_api.peers import is_bot, person_of
from sandbox.tl import types
from sandbox.world.model import AuthKey


@rpc(help.GetConfigRequest, public=True)
def get_config(caller: Caller, request: help.GetConfigRequest) -> TLObject:
    now = convert.moment(caller.world.clock.now())
    ports = caller.connection.server.ports
    zeros: dict[str, Any] = dict.fromkeys(_NUMBERS, 0)
    return types.Config(
        date=now,
        expires=now + timedelta(hours=1),
        test_mode=False,
        this_dc=caller.key.dc_id,
        dc_options=[types.DcOption(dc_id, "127.0.0.1", port) for dc_id, port in ports.items()],
        dc_txt_domain_name="",
        me_url_prefix="https://t.me/",
        reactions_default=None,
        **{**zeros, "message_length_max": 4096, "caption_length_max": 1024},
    )


_NUMBERS = (
    "chat_size_max",
    "megagroup_size_max",
    "forwarded_count_max",
    "online_update_period_ms",
    "offline_blur_timeout_ms",
    "offline_idle_timeout_ms",
    "online_cloud_timeout_ms",
    "notify_cloud_delay_ms",
    "notify_default_delay_ms",
    "push_chat_period_ms",
    "push_chat_limit",
    "edit_time_limit",
    "revoke_time_limit",
    "revoke_pm_time_limit",
    "rating_e_decay",
    "stickers_recent_limit",
    "channels_read_media_period",
    "call_receive_timeout_ms",
    "call_ring_timeout_ms",
    "call_connect_timeout_ms",
    "call_packet_timeout_ms",
    "caption_length_max",
    "message_length_max",
    "webfile_dc_id",
)


@rpc(help.GetNearestDcRequest, public=True)
def get_nearest_dc(caller: Caller, request: help.GetNearestDcRequest) -> TLObject:
    return types.NearestDc("RU", caller.key.dc_id, caller.world.install.facts["dc_id"])


def authorization(key: AuthKey, *, current: bool) -> TLObject:
    return types.Authorization(
        hash=0 if current else key.session,
        device_model=key.device,
        platform="",
        system_version=key.system,
        api_id=key.api_id,
        app_name="Telegram Assistant",
        app_version=key.app,
        date_created=convert.moment(key.logged_in_at),
        date_active=convert.moment(key.active),
        ip="127.0.0.1",
        country="",
        region="",
        current=current,
        password_pending=key.pending_id is not None,
    )


@rpc(account.GetAuthorizationsRequest)
def get_authorizations(caller: Caller, request: account.GetAuthorizationsRequest) -> TLObject:
    sessions = caller.world.keys.sessions(caller.person)
    return types.account.Authorizations(
        365, [authorization(key, current=key.id == caller.key.id) for key in sessions]
    )


@rpc(account.ResetAuthorizationRequest)
def reset_authorization(caller: Caller, request: account.ResetAuthorizationRequest) -> bool:
    caller.world.keys.log_out(caller.world.keys.session(caller.person, request.hash))
    return True


@rpc(functions.auth.ResetAuthorizationsRequest)
def reset_authorizations(caller: Caller, request: functions.auth.ResetAuthorizationsRequest) -> bool:
    for key in caller.world.keys.sessions(caller.person):
        if key.id != caller.key.id:
            caller.world.keys.log_out(key)
    return True


@rpc(account.UpdateStatusRequest)
def update_status(caller: Caller, request: account.UpdateStatusRequest) -> bool:
    caller.key.active = caller.world.clock.unix()
    return True


@rpc(users.GetUsersRequest)
def get_users(caller: Caller, request: users.GetUsersRequest) -> list[TLObject]:
    return [_user(caller, peer) for peer in request.id]


@rpc(users.GetFullUserRequest)
def get_full_user(caller: Caller, request: users.GetFullUserRequest) -> TLObject:
    found = _user(caller, request.id)
    full = types.UserFull(
        id=found.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
    )
    return types.users.UserFull(full, [], [found])


def _user(caller: Caller, peer: Any) -> Any:
    if isinstance(peer, types.InputUserFromMessage):
        raise RpcFault(400, "USER_ID_INVALID")
    if is_bot(caller, peer):
        return convert.bot_user(caller.world, caller.person)
    return convert.user(caller.world, person_of(caller, peer), caller.person)
