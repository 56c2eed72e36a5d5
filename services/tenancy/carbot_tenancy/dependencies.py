"""What tenancy's routes may ask for beyond what every service's may."""

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from carbot_core import clock, crypto
from carbot_tenancy import passwords
from carbot_tenancy.signing_keys import keyring


async def provide_passwords(state: State) -> passwords.Passwords:
    found: passwords.Passwords = state.passwords
    return found


async def provide_keyring(state: State) -> keyring.KeyRing:
    found: keyring.KeyRing = state.keyring
    return found


async def provide_vault(state: State) -> crypto.Vault:
    found: crypto.Vault = state.vault
    return found


async def provide_clock(state: State) -> clock.Clock:
    found: clock.Clock = state.clock
    return found


PROVIDERS = {
    "passwords": Provide(provide_passwords),
    "keyring": Provide(provide_keyring),
    "vault": Provide(provide_vault),
    "clock": Provide(provide_clock),
}

Passwords = NamedDependency[SkipValidation[passwords.Passwords]]
KeyRing = NamedDependency[SkipValidation[keyring.KeyRing]]
Vault = NamedDependency[SkipValidation[crypto.Vault]]
Clock = NamedDependency[SkipValidation[clock.Clock]]
