"""`python -m tests.perf.identity`: measure what the identity service promises; end with status 1 if it does not hold."""

import logging
import sys
import warnings

import httpx
import msgspec
import rich_click as click
import structlog
import uvloop
from joserfc.errors import SecurityWarning
from rich.console import Console

from carbot_local.database import connected
from carbot_local.gateway import Limits
from carbot_testing.issuer import Issuer
from tests.perf import report
from tests.perf.identity import flood, people, rotation, strangers
from tests.perf.load import Request
from tests.perf.stack import Servers, gateway_to, prepared, running, servers
from tests.perf.volume import Volume

PEOPLE = 200
MOST_DIFFERENCE_MS = 5.0
MOST_SLOWDOWN = 1.5
LOCAL = {"CARBOT_TRUSTED_PROXIES": "127.0.0.1/32"}

console = Console(width=150, highlight=False)


@click.command()
@click.option("--quick", is_flag=True, help="A twentieth of it: to see that it works, not to quote.")
def main(*, quick: bool) -> None:
    """Measure sign-in, refresh and key rotation on servers of their own."""
    # EdDSA is the name that Envoy 1.40 knows.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print(report.describe(Volume.quick() if quick else Volume()).splitlines()[0])
    with servers() as started:
        missed = uvloop.run(measure(started, share=0.05 if quick else 1.0))
    for sentence in missed:
        console.print(f"[bold]missed:[/] {sentence}")
    sys.exit(1 if missed else 0)


async def measure(started: Servers, *, share: float) -> list[str]:
    """Measure everything, one after the other; return what was missed."""
    issuer, missed = Issuer(), list[str]()
    async with (
        prepared(started, issuer) as place,
        connected(place.plane.dsn_superuser(place.database)) as connection,
        running(place, "tenancy", "api", **LOCAL) as one,
        running(place, "tenancy", "api", **LOCAL) as two,
        running(place, "crm", "api") as crm,
    ):

        async def key_set() -> bytes:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{one.url}/.well-known/jwks.json")).content

        issuer.tenancy = key_set
        crowd, elsewhere = [await people.store(connection, name, PEOPLE) for name in ("here", "elsewhere")]
        token = issuer.token(crowd.organization_id, user_id=crowd.user_ids[0])
        for compared in await strangers.compare(one.url, token, elsewhere, samples=round(500 * share)):
            console.print(
                f"{compared.work}: known {compared.known:.1f} ms, unknown {compared.unknown:.1f} ms (medians of"
                f" {compared.samples} each; limit 5 ms apart); answers {'differ' if compared.differs else 'are the same'}"
            )
            if compared.differs or abs(compared.known - compared.unknown) > MOST_DIFFERENCE_MS:
                missed.append(f"{compared.work} tells a known address from an unknown one")
        async with httpx.AsyncClient(base_url=one.url, trust_env=False) as client:
            signed = (await rotation.sign_in(client, crowd.emails[0]))["access_token"]
        other = _request(f"GET /api/tenancy/v1/workshops HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {signed}\r\n\r\n")
        sign_ins = msgspec.structs.replace(
            Limits.generous(), sign_in_burst=Limits().sign_in_burst, sign_in_per_second=Limits().sign_in_per_second
        )
        async with gateway_to(started, place, {"tenancy": one.port}, limits=sign_ins) as port:
            flooded = await flood.measure(port, other, seconds=60 * share)
        calm_ms, flooded_ms = flooded.calm.percentile(99), flooded.flooded.percentile(99)
        console.print(
            f"flood of {flood.SIGN_INS_PER_SECOND:.0f} sign-ins/s: p99 of another route {calm_ms:.1f} → {flooded_ms:.1f} ms"
            f" ({flooded_ms / calm_ms:.2f} times; limit 1.5); answered {dict(flooded.statuses)}, {flooded.errors} errors"
        )
        if flooded_ms > MOST_SLOWDOWN * calm_ms or flooded.errors:
            missed.append("a flood of sign-ins slows others down")
        races = await rotation.race([one.url, two.url], crowd, groups=round(1000 * share))
        console.print(
            f"{races.groups} races of {rotation.TABS} refreshes: {races.split} split, {races.refused} refused"
        )
        if races.split or races.refused:
            missed.append("a race of refreshes signed somebody out or left two successors")
        async with gateway_to(started, place, {"tenancy": one.port, "crm": crm.port}) as port:
            rotated = await rotation.rotate(place, f"http://127.0.0.1:{port}", crowd, seconds=120 * share)
        console.print(
            f"a signing key every {rotation.EVERY_SECONDS:.0f} s, under load through the gateway for {rotated.seconds:.0f} s:"
            f" {rotated.keys} keys signed; answered {dict(rotated.statuses)}"
        )
        if set(rotated.statuses) != {200}:
            missed.append("a request failed while signing keys rotated")
    return missed


def _request(text: str) -> Request:
    raw = text.encode()
    return Request(lambda: raw, frozenset({200}))


if __name__ == "__main__":
    main()
