"""Each fault as the two ends of a link see it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter

import msgspec
import pytest

from carbot_testing import fault_proxy
from carbot_testing.fault_proxy import FaultProxy, Kind


class Target:
    """Answers each line with the same line, and notes how its connections ended."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ends: asyncio.Queue[str] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionResetError:
            self.ends.put_nowait("reset")
        else:
            self.ends.put_nowait("closed")
        finally:
            writer.close()


class Wire(msgspec.Struct, frozen=True):
    proxy: FaultProxy
    target: Target

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.proxy.port)
        try:
            yield reader, writer
        finally:
            writer.close()


@asynccontextmanager
async def opened() -> AsyncGenerator[Wire]:
    target = Target()
    async with (
        await asyncio.start_server(target.serve, "127.0.0.1", 0) as server,
        FaultProxy.open("link", server.sockets[0].getsockname()[1]) as proxy,
    ):
        yield Wire(proxy, target)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes = b"hello\n") -> float:
    """Say something, wait for the same; return how long that took."""
    started = perf_counter()
    writer.write(text)
    assert await asyncio.wait_for(reader.readexactly(len(text)), 5) == text
    return perf_counter() - started


class TestWithoutFault:
    async def test_passes_both_ways_and_the_end_as_well(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            await ask(reader, writer, b"x" * 1_000_000)
            writer.write_eof()
            assert await reader.read() == b""
            assert await wire.target.ends.get() == "closed"
            assert not wire.proxy.fired

    async def test_ends_the_client_of_a_target_that_is_not_there(self) -> None:
        async with FaultProxy.open("link", 1) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()


class TestFaults:
    async def test_delays_what_is_said(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            wire.proxy.switch("delay")
            assert await ask(reader, writer) >= 2 * fault_proxy.DELAY_SECONDS
            wire.proxy.switch(None)
            assert await ask(reader, writer) < fault_proxy.DELAY_SECONDS
            assert wire.proxy.fired == {"delay": 1}

    async def test_drips(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            wire.proxy.switch("drip")
            assert await ask(reader, writer, b"x" * 640) >= 20 * fault_proxy.DRIP_SECONDS
            assert wire.proxy.fired == {"drip": 1}

    async def test_resets_both_ends(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            await ask(reader, writer)
            wire.proxy.switch("reset")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert await wire.target.ends.get() == "reset"
            assert wire.proxy.fired == {"reset": 1}

    async def test_half_closes_towards_the_target(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            await ask(reader, writer)
            wire.proxy.switch("half_close")
            assert await wire.target.ends.get() == "closed"
            writer.write(b"more")
            assert await reader.read() == b""
            assert wire.target.heard == b"hello\n"
            assert wire.proxy.fired == {"half_close": 1}

    async def test_swallows_what_is_said_and_all_that_follows(self) -> None:
        async with opened() as wire, wire.client() as (reader, writer):
            await ask(reader, writer)
            wire.proxy.switch("black_hole")
            writer.write(b"lost\n")
            await asyncio.sleep(0.1)
            wire.proxy.switch(None)
            writer.write(b"lost as well\n")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
            assert wire.target.heard == b"hello\n"
            assert wire.target.ends.empty()
            assert wire.proxy.fired == {"black_hole": 1}
            async with wire.client() as (later_reader, later_writer):
                await ask(later_reader, later_writer)

    @pytest.mark.parametrize("kind", fault_proxy.KINDS)
    async def test_does_not_count_what_strikes_nothing(self, kind: Kind) -> None:
        async with opened() as wire:
            assert not await wire.proxy.inflict(kind, 0.01)
            assert not wire.proxy.fired
