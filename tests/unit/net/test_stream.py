"""Streams over real sockets, on uvloop."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from spoolmta.errors import ConnectError, ConnectionLost, PeerTimeout
from spoolmta.net.stream import Stream, Target, bind_problem, connect

Peer = Callable[[socket.socket], None]
SECOND = 1.0


def converse(peer: Peer, client: Callable[[Stream], Awaitable[None]]) -> None:
    """Run *client* over a connection whose other end is *peer*, a function in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                peer(connection)

        thread = threading.Thread(target=serve)
        thread.start()

        async def run() -> None:
            stream = await connect(Target("127.0.0.1", listener.getsockname()[1]), timeout_s=5)
            try:
                await client(stream)
            finally:
                stream.abort()

        uvloop.run(run())
        thread.join()


def test_what_has_arrived_is_handed_out_at_once() -> None:
    async def client(stream: Stream) -> None:
        data = b""
        while data != b"250 one\r\n250 two\r\n":
            data += await stream.read(SECOND)

    converse(lambda peer: peer.sendall(b"250 one\r\n250 two\r\n"), client)


def test_lines_and_blocks_can_be_read() -> None:
    async def client(stream: Stream) -> None:
        assert await stream.read_line(SECOND, limit=100) == b"first\n"
        assert await stream.read_exactly(4, SECOND) == b"abcd"
        assert await stream.read_line(SECOND, limit=100) == b"last\r\n"

    converse(lambda peer: peer.sendall(b"first\nabcdlast\r\n"), client)


def test_an_endless_line_is_given_up() -> None:
    async def client(stream: Stream) -> None:
        with pytest.raises(ConnectionLost):
            await stream.read_line(SECOND, limit=10)

    converse(lambda peer: peer.sendall(b"x" * 100), client)


def test_what_arrived_before_the_end_can_still_be_read() -> None:
    async def client(stream: Stream) -> None:
        while not stream.is_lost:
            await asyncio.sleep(0.01)
        assert await stream.read(SECOND) == b"421 bye\r\n"
        with pytest.raises(ConnectionLost):
            await stream.read(SECOND)
        with pytest.raises(ConnectionLost):
            await stream.drain(SECOND)
        stream.write(b"nobody hears this")

    converse(lambda peer: peer.sendall(b"421 bye\r\n"), client)


def test_silence_ends_in_a_timeout_and_the_stream_lives_on() -> None:
    asked = threading.Event()

    def peer(connection: socket.socket) -> None:
        asked.wait()
        connection.sendall(b"late")
        connection.recv(1)

    async def client(stream: Stream) -> None:
        with pytest.raises(PeerTimeout):
            await stream.read(0.05)
        asked.set()
        assert await stream.read(SECOND) == b"late"

    converse(peer, client)


def test_a_shorter_time_limit_after_a_longer_one_is_kept() -> None:
    def peer(connection: socket.socket) -> None:
        connection.sendall(b"x")
        connection.recv(1)

    async def client(stream: Stream) -> None:
        await stream.read(60)
        with pytest.raises(PeerTimeout):
            await stream.read(0.05)

    converse(peer, client)


def test_a_longer_time_limit_after_a_shorter_one_is_kept() -> None:
    go = threading.Event()

    def peer(connection: socket.socket) -> None:
        connection.sendall(b"x")
        go.wait()
        connection.sendall(b"y")

    async def client(stream: Stream) -> None:
        await stream.read(0.05)
        asyncio.get_running_loop().call_later(0.15, go.set)
        assert await stream.read(5) == b"y"

    converse(peer, client)


def test_a_peer_that_does_not_read_holds_the_writer_back() -> None:
    go = threading.Event()

    def peer(connection: socket.socket) -> None:
        go.wait()
        left = 1 << 24
        while left:
            left -= len(connection.recv(1 << 20))

    async def client(stream: Stream) -> None:
        stream.write_pieces([b"x" * (1 << 23), b"y" * (1 << 23)])
        with pytest.raises(PeerTimeout):
            await stream.drain(0.05)
        go.set()
        await stream.drain(5)

    converse(peer, client)


def test_a_peer_that_goes_away_is_noticed_by_who_only_writes() -> None:
    async def client(stream: Stream) -> None:
        with pytest.raises(ConnectionLost):
            for _ in range(1000):
                stream.write(b"x" * (1 << 18))
                await stream.drain(SECOND)

    converse(lambda peer: None, client)


def test_a_flood_is_not_read_ahead_without_bound() -> None:
    size = 1 << 24

    async def client(stream: Stream) -> None:
        await asyncio.sleep(0.1)
        total = len(await stream.read(SECOND))
        assert total < size // 4
        while total < size:
            total += len(await stream.read(SECOND))

    converse(lambda peer: peer.sendall(b"x" * size), client)


def test_a_reset_is_a_lost_connection() -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def client(stream: Stream) -> None:
        stream.write(b"?")
        with pytest.raises(ConnectionLost):
            await stream.read(SECOND)

    converse(peer, client)


def test_a_cancelled_read_leaves_the_stream_in_order() -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"x")

    async def client(stream: Stream) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.read(SECOND)
        stream.write(b"?")
        assert await stream.read(SECOND) == b"x"

    converse(peer, client)


def failure_to_connect(target: Target, timeout_s: float = 5) -> str:
    async def run() -> None:
        stream = await connect(target, timeout_s=timeout_s)
        stream.abort()

    with pytest.raises(ConnectError) as failure:
        uvloop.run(run())
    return str(failure.value)


def test_a_refused_connection_is_told_in_the_words_of_the_system() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert failure_to_connect(Target("127.0.0.1", port)) == "Connection refused"


def test_a_server_that_does_not_take_the_connection_is_timed_out() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for other in waiting:
            other.setblocking(False)
            other.connect_ex(("127.0.0.1", port))
        reason = failure_to_connect(Target("127.0.0.1", port), 0.1)
        for other in waiting:
            other.close()
    assert reason == "Connection timed out"


def test_a_unix_domain_server_that_is_not_there(tmp_path: Path) -> None:
    assert failure_to_connect(Target(path=str(tmp_path / "lmtp"))) == "No such file or directory"


def test_an_own_address_can_be_chosen() -> None:
    def peer(connection: socket.socket) -> None:
        connection.sendall(connection.getpeername()[0].encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                peer(connection)

        thread = threading.Thread(target=serve)
        thread.start()

        async def run() -> None:
            port = listener.getsockname()[1]
            stream = await connect(Target("127.0.0.1", port, source="127.0.0.9"), timeout_s=5)
            assert await stream.read(SECOND) == b"127.0.0.9"
            assert stream.source == "127.0.0.9"
            stream.close()

        uvloop.run(run())
        thread.join()


def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    assert bind_problem("127.0.0.1") == ""
    assert bind_problem("192.0.2.1") == "Cannot assign requested address"
