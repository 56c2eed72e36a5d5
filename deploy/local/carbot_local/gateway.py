"""Envoy, the API gateway: its configuration from deploy/gateway, how it starts, how it drains."""

import contextlib
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from textwrap import indent

import httpx
import msgspec

from carbot_local.errors import StackError
from carbot_local.layout import HOST, REPOSITORY
from carbot_local.processes import run
from carbot_local.programs import Program
from carbot_local.users import own_folder

# What the gateway answers by itself: status, code, title.
REFUSALS = (
    (400, "malformed_request", "The request cannot be understood."),
    (401, "unauthorized", "Sign in first: the request carries no valid credentials."),
    (404, "not_found", "There is no such thing."),
    (408, "request_timeout", "The request did not arrive in time."),
    (413, "body_too_large", "The body is larger than 1 MiB."),
    (429, "too_many_requests", "Too many requests: wait as long as Retry-After says."),
    (431, "headers_too_large", "The request has too many or too large headers."),
    (502, "unavailable", "The service cannot answer now: try again."),
    (503, "unavailable", "The service cannot answer now: try again."),
    (504, "timeout", "The service did not answer in time: try again."),
)


_LATER = (502, 503, 504)
_UNLESS_THERE = "ADD_IF_ABSENT"


class Limits(msgspec.Struct, frozen=True):
    """Requests per second and in a burst, for each client address and for each organisation; sign-ins for everybody together."""

    address_burst: int = 200
    address_per_second: int = 100
    organization_burst: int = 400
    organization_per_second: int = 200
    sign_in_burst: int = 40
    sign_in_per_second: int = 20

    @classmethod
    def generous(cls) -> "Limits":
        """Return limits that a load generator on one address does not meet."""
        return cls(*[1_000_000] * 6)


def find() -> Path:
    """Find the Envoy that came with our Python packages, else one on PATH."""
    beside = Path(sys.executable).with_name("envoy")
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if found is None:
        raise StackError("envoy is not installed: run uv sync")
    return Path(found)


def configure(
    folder: Path,
    *,
    port: int,
    admin_port: int,
    services: Mapping[str, Sequence[int]],
    issuer: str,
    origins: Sequence[str] = (),
    limits: Limits | None = None,
    check: bool = False,
) -> Program:
    """Write the configuration and say how to start. `services` maps each to the ports of its API, `origins` are our own apps'.

    With `check`, Envoy reads it first; raise StackError with its complaint.
    """
    own_folder(folder)
    path = folder / "envoy.yaml"
    path.write_text(
        _template("envoy.yaml").substitute(
            port=port,
            admin_port=admin_port,
            issuer=issuer,
            origins=", ".join(f'{{exact: "{origin}"}}' for origin in origins),
            mappers=_mappers(),
            routes=_repeated("route.yaml", " " * 14, services),
            clusters=_repeated("cluster.yaml", " " * 2, services),
            **msgspec.structs.asdict(limits or Limits()),
        )
    )
    if check:
        run([find(), "--mode", "validate", "-c", path, "--log-level", "warning"])
    # Envoys with one number would share a socket; a port is taken once only.
    # Nothing here restarts hot, and its shared memory would outlive a stack and be in the way of another user's.
    argv = (str(find()), "-c", str(path), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
    return Program(name="gateway", argv=argv, directory=folder, stop_seconds=10)


def drain(admin_port: int, seconds: float = 5) -> None:
    """Let the gateway take no new connections and finish what is in flight; does nothing when it is not there."""
    address = f"http://{HOST}:{admin_port}"
    end = time.monotonic() + seconds
    with contextlib.suppress(httpx.HTTPError), httpx.Client(timeout=2, trust_env=False) as client:
        client.post(f"{address}/drain_listeners?graceful&skip_exit")
        while time.monotonic() < end:
            active = client.get(f"{address}/stats?filter=^http.edge.downstream_rq_active$").text
            if active.strip().endswith(": 0"):
                return
            time.sleep(0.1)


def _template(name: str) -> Template:
    return Template((REPOSITORY / "deploy/gateway" / name).read_text())


def _repeated(name: str, margin: str, services: Mapping[str, Sequence[int]]) -> str:
    parts = (
        _template(name).substitute(service=service, endpoints=", ".join(map(_endpoint, ports)))
        for service, ports in services.items()
    )
    return indent("".join(parts), margin).strip()


def _endpoint(port: int) -> str:
    return f"{{endpoint: {{address: {{socket_address: {{address: {HOST}, port_value: {port}}}}}}}}}"


def _mappers() -> str:
    # A token for another audience is a bad token like any other, but Envoy says 403; it refuses for nothing else.
    lines = [_mapper(403, 401, REFUSALS[1][1], REFUSALS[1][2])]
    lines += [_mapper(status, status, code, title) for status, code, title in REFUSALS]
    return ("\n" + " " * 12).join(lines)


def _mapper(of: int, status: int, code: str, title: str) -> str:
    which = {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": of, "runtime_key": "none"}}}}
    problem = {
        "type": f"urn:carbot:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "trace_id": "%REQ(X-REQUEST-ID)%",
    }
    body = {"content_type": "application/problem+json", "json_format": problem}
    # JSON is YAML on one line.
    mapper: dict[str, object] = {"filter": which, "status_code": status, "body_format_override": body}
    if status in _LATER:
        mapper["headers_to_add"] = [{"header": {"key": "retry-after", "value": "1"}, "append_action": _UNLESS_THERE}]
    return "- " + msgspec.json.encode(mapper).decode()
