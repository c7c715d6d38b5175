"""The socket that the app listens on."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from markerless.errors import StorageError
from markerless.server.command import _listen


def test_answers_are_not_held_back_for_an_acknowledgment() -> None:
    """The connections that asyncio makes of our socket send small packets at once (TCP_NODELAY)."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(met, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            value = await asyncio.wait_for(found, 10)
            writer.close()
        return value

    with ThreadPoolExecutor(1) as thread:  # the browser tests keep a loop of their own going in this one
        assert thread.submit(asyncio.run, accepted()).result(timeout=60) == 1


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with _listen("127.0.0.1", 0) as taken, pytest.raises(StorageError, match=r"give another one with --port"):
        _listen("127.0.0.1", taken.getsockname()[1])
