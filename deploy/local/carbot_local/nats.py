"""NATS with JetStream: one user per service, and permissions that follow from what it consumes."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import msgspec
import nkeys

from carbot_local.errors import StackError
from carbot_local.layout import HOST
from carbot_local.programs import Program
from carbot_local.users import own_folder, write_secret

PROVISION = "provision"


class Consumer(Protocol):
    """What this module reads of a service's declared consumer."""

    @property
    def stream(self) -> str: ...
    @property
    def durable(self) -> str: ...
    @property
    def subjects(self) -> Sequence[str]: ...


class Durable(msgspec.Struct, frozen=True):
    """A durable consumer, for whoever has no service to ask."""

    stream: str
    durable: str
    subjects: tuple[str, ...]


def new_seed() -> str:
    """Make the secret half of a new user key."""
    return nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode()


def public_key(seed: str) -> str:
    # nkeys declares this property with a wrong type.
    return cast("bytes", nkeys.from_seed(bytearray(seed.encode())).public_key).decode()


def find() -> Path:
    """Find the server that came with our Python packages, else one on PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StackError("nats-server is not installed: run uv sync")
    return Path(found)


def may_publish(service: str, consumers: Sequence[Consumer]) -> list[str]:
    """List the subjects a service may publish to: its own, its lane of the audit, its wake-up call, its own durables.

    And it may ask how durable its own stream is: in production a worker refuses a weak one.
    """
    subjects = [f"{service}.>", f"audit.{service}", f"wake.{service}", f"$JS.API.STREAM.INFO.{service.upper()}"]
    for consumer in consumers:
        place = f"{consumer.stream}.{consumer.durable}"
        subjects += [
            # nats-py asks by the first name when the configuration names only a durable, by the others when it also has
            # a name, with the filter as the last part when there is exactly one.
            f"$JS.API.CONSUMER.DURABLE.CREATE.{place}",
            f"$JS.API.CONSUMER.CREATE.{place}",
            *(f"$JS.API.CONSUMER.CREATE.{place}.{subject}" for subject in consumer.subjects),
            f"$JS.API.CONSUMER.INFO.{place}",
            f"$JS.API.CONSUMER.MSG.NEXT.{place}",
            f"$JS.ACK.{place}.>",
        ]
    return subjects


def may_subscribe(service: str) -> list[str]:
    return [f"_INBOX_{service}.>", f"wake.{service}", f"{service}.>"]


def render(
    *,
    port: int,
    monitor: int,
    store: Path,
    keys: Mapping[str, str],
    consumers: Mapping[str, Sequence[Consumer]],
    durable: bool = True,
) -> str:
    """Render the server's configuration. `keys` maps each service, and 'provision', to its public key."""
    users: list[Mapping[str, object]] = [{"nkey": keys[PROVISION], "permissions": {"publish": ">", "subscribe": ">"}}]
    users += [
        {
            "nkey": keys[service],
            "permissions": {
                "publish": {"allow": may_publish(service, declared)},
                "subscribe": {"allow": may_subscribe(service)},
            },
        }
        for service, declared in consumers.items()
    ]
    settings = {
        "server_name": "carbot",
        "host": HOST,
        "port": port,
        "http": f"{HOST}:{monitor}",
        "max_payload": 1024 * 1024,
        "write_deadline": "10s",
        # The default acknowledges what is on no disk yet, and forgets it with the power.
        "jetstream": {
            "store_dir": str(store),
            "max_memory_store": 64 * 1024**2,
            "max_file_store": 4 * 1024**3,
            "sync_interval": "always" if durable else "2m",
        },
        "authorization": {"users": users},
    }
    # Its configuration language takes JSON as it is.
    return msgspec.json.format(msgspec.json.encode(settings), indent=2).decode() + "\n"


def configure(
    folder: Path,
    *,
    port: int,
    monitor: int,
    seeds: Mapping[str, str],
    consumers: Mapping[str, Sequence[Consumer]],
    durable: bool = True,
) -> Program:
    """Write the configuration and say how to start. `seeds` holds one for each service of `consumers` and 'provision'."""
    own_folder(folder)
    keys = {name: public_key(seed) for name, seed in seeds.items()}
    text = render(port=port, monitor=monitor, store=folder / "store", keys=keys, consumers=consumers, durable=durable)
    write_secret(folder / "nats.conf", text)
    return Program(name="nats", argv=(str(find()), "-c", str(folder / "nats.conf")), directory=folder, stop_seconds=40)
