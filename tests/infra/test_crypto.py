"""Sealed sessions and passwords: open for the right row and key, and for nothing else."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.infra.crypto import Binding, Keyring, PasswordBox, SealBroken, seal_password

OLD, NEW = {"old": b"o" * 32}, {"old": b"o" * 32, "new": b"n" * 32}
BINDING = Binding(uuid4(), uuid4(), 4242, uuid4())


@given(st.binary(max_size=600))
def test_a_sealed_session_opens_again(plain: bytes) -> None:
    """Whatever was sealed comes back, and does not stand in the envelope."""
    envelope = Keyring(OLD).seal(plain, BINDING)
    assert Keyring(OLD).open(envelope, BINDING) == plain
    assert len(plain) < 8 or plain not in envelope


def test_the_envelope_has_the_published_form() -> None:
    """v1, the key's id, 60 bytes of wrapped key, 12 of nonce, then ciphertext with its 16-byte tag."""
    envelope = Keyring(NEW).seal(b"session", BINDING)
    assert envelope[:5] == b"\x01\x03new"
    assert len(envelope) == 5 + 60 + 12 + len(b"session") + 16


@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, tenant_id=uuid4()),
        replace(BINDING, user_id=uuid4()),
        replace(BINDING, telegram_id=4243),
        replace(BINDING, session_id=uuid4()),
    ],
)
def test_a_row_copied_elsewhere_does_not_open(other: Binding) -> None:
    """Each part of the binding alone is enough to refuse."""
    envelope = Keyring(OLD).seal(b"session", BINDING)
    with pytest.raises(SealBroken):
        Keyring(OLD).open(envelope, other)


def test_no_bit_may_change() -> None:
    """Flipping any bit, or cutting any number of bytes off, breaks the seal."""
    envelope = Keyring(OLD).seal(b"session", BINDING)
    for at in range(len(envelope)):
        broken = bytearray(envelope)
        broken[at] ^= 1 << (at % 8)
        for altered in (bytes(broken), envelope[:at]):
            with pytest.raises(SealBroken):
                Keyring(OLD).open(altered, BINDING)


def test_rotation_rewraps_and_the_old_key_may_go() -> None:
    """After `rewrap` the newest key alone opens the session, and the envelope says so."""
    envelope = Keyring(OLD).seal(b"session", BINDING)
    rewrapped = Keyring(NEW).rewrap(envelope, BINDING)
    assert Keyring({"new": b"n" * 32}).open(rewrapped, BINDING) == b"session"
    assert rewrapped.startswith(Keyring(NEW).header)
    with pytest.raises(SealBroken):
        Keyring(OLD).open(rewrapped, BINDING)


def test_only_the_attempts_own_box_opens_a_password() -> None:
    """Another attempt's box, another login's id and a cut message are all refused."""
    login_id = uuid4()
    box = PasswordBox(login_id)
    sealed = seal_password("пароль, correct horse", box.public, login_id)
    assert box.open(sealed) == "пароль, correct horse"
    foreign = seal_password("x", box.public, uuid4())
    for wrong_box, wrong in ((PasswordBox(login_id), sealed), (box, foreign), (box, sealed[:40])):
        with pytest.raises(SealBroken):
            wrong_box.open(wrong)
