"""What is encrypted opens in its own place, under its own key, unchanged, and nowhere else."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from carbot_core.crypto import Opener, Sealer, Unreadable, Vault

VAULT = Vault(b"k" * 32)


def pair(key_id: str) -> tuple[str, str]:
    """Return a public and a private key as settings hold them."""
    key = X25519PrivateKey.generate()
    public, private = key.public_key().public_bytes_raw(), key.private_bytes_raw()
    return f"{key_id}:{base64.b64encode(public).decode()}", f"{key_id}:{base64.b64encode(private).decode()}"


class TestVault:
    @given(st.binary(max_size=2000), st.text(max_size=100))
    def test_opens_what_it_encrypted(self, plain: bytes, place: str) -> None:
        assert VAULT.decrypt(VAULT.encrypt(plain, place), place) == plain

    def test_does_not_open_what_was_moved(self) -> None:
        sealed = VAULT.encrypt(b"secret", "users.totp/1")
        for place in ("users.totp/2", "users.password/1", "", "users.totp/1 "):
            with pytest.raises(Unreadable):
                VAULT.decrypt(sealed, place)

    def test_does_not_open_what_was_changed(self) -> None:
        sealed = VAULT.encrypt(b"secret", "a")
        for index in range(len(sealed)):
            changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
            with pytest.raises(Unreadable):
                VAULT.decrypt(changed, "a")

    @pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 27])
    def test_does_not_open_what_was_cut(self, length: int) -> None:
        with pytest.raises(Unreadable):
            VAULT.decrypt(VAULT.encrypt(b"secret", "a")[:length], "a")

    def test_does_not_open_what_another_key_encrypted(self) -> None:
        with pytest.raises(Unreadable):
            Vault.from_base64(base64.b64encode(os.urandom(32)).decode()).decrypt(VAULT.encrypt(b"secret", "a"), "a")

    def test_never_encrypts_alike_twice(self) -> None:
        assert len({VAULT.encrypt(b"secret", "a") for _ in range(100)}) == 100


class TestSealer:
    def test_seals_for_the_newest_reader_alone(self) -> None:
        (old_public, old_private), (new_public, new_private) = pair("old"), pair("new")
        sealer = Sealer(f"{old_public},{new_public}")
        sealed = sealer.seal(b"secret", "audit")
        assert sealer.key_id == "new"
        assert Opener(f"{old_private},{new_private}").open(sealed, "new", "audit") == b"secret"
        assert b"secret" not in sealed
        opener = Opener(old_private)
        for key_id in ("old", "new", ""):
            with pytest.raises(Unreadable):
                opener.open(sealed, key_id, "audit")

    def test_binds_its_label_and_every_byte(self) -> None:
        public, private = pair("a")
        sealed, opener = Sealer(public).seal(b"secret", "audit"), Opener(private)
        with pytest.raises(Unreadable):
            opener.open(sealed, "a", "other")
        for index in range(len(sealed)):
            with pytest.raises(Unreadable):
                opener.open(sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :], "a", "audit")
        for length in (0, 1, 31, 32, 47):
            with pytest.raises(Unreadable):
                opener.open(sealed[:length], "a", "audit")
