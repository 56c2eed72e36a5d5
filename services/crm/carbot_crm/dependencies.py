"""What crm's routes may ask for beyond what every service's may."""

from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from carbot_core import crypto
from carbot_crm import keys


async def provide_keys(state: State) -> keys.Keys:
    found: keys.Keys = state.derived_keys
    return found


async def provide_vault(state: State) -> crypto.Vault:
    found: crypto.Vault = state.vault
    return found


PROVIDERS = {"keys": Provide(provide_keys), "vault": Provide(provide_vault)}

Keys = NamedDependency[SkipValidation[keys.Keys]]
Vault = NamedDependency[SkipValidation[crypto.Vault]]
