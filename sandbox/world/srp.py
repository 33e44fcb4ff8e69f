"""Two-step verification from the server's side (SRP 6a).

Source: https://core.telegram.org/api/srp; the hash functions are Telethon's.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass

from telethon import password as client_side
from telethon.tl.types import PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow as Algorithm

from sandbox.prime import DH_G, DH_PRIME

_P = DH_PRIME.to_bytes(256, "big")
_G = DH_G.to_bytes(256, "big")
_K = int.from_bytes(client_side.sha256(_P, _G), "big")


def algorithm(salt1: str, salt2: str) -> Algorithm:
    return Algorithm(bytes.fromhex(salt1), bytes.fromhex(salt2), DH_G, _P)


def verifier(password: str) -> dict[str, str]:
    """The data that a server stores instead of the password: salts and g^x, in hex."""
    salts = {"salt1": os.urandom(16).hex(), "salt2": os.urandom(16).hex()}
    return {**salts, "verifier": client_side.compute_digest(algorithm(**salts), password).hex()}


@dataclass(frozen=True)
class Challenge:
    """The secret of one getPassword call, valid for one check."""

    id: int
    secret: int
    public: bytes


def challenge(kept: dict[str, str]) -> Challenge:
    secret = secrets.randbits(2048)
    public = (_K * int(kept["verifier"], 16) + pow(DH_G, secret, DH_PRIME)) % DH_PRIME
    return Challenge(secrets.randbits(62), secret, public.to_bytes(256, "big"))


def check(kept: dict[str, str], asked: Challenge, a_bytes: bytes, proof: bytes) -> bool:
    """Whether the client's proof M1 is valid for the password."""
    a = int.from_bytes(a_bytes, "big")
    if not 0 < a < DH_PRIME:
        return False
    u = int.from_bytes(client_side.sha256(a_bytes, asked.public), "big")
    shared = pow(a * pow(int(kept["verifier"], 16), u, DH_PRIME), asked.secret, DH_PRIME)
    expected = client_side.sha256(
        client_side.xor(client_side.sha256(_P), client_side.sha256(_G)),
        client_side.sha256(bytes.fromhex(kept["salt1"])),
        client_side.sha256(bytes.fromhex(kept["salt2"])),
        a_bytes,
        asked.public,
        client_side.sha256(shared.to_bytes(256, "big")),
    )
    return hmac.compare_digest(expected, proof)
