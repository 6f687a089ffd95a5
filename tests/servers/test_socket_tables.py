"""tcp and socketmap with the programs that sites run behind them: postsrsd and mta-sts-daemon."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from spoolmta.cli.tables import postmap
from spoolmta.maps import open_map
from tests.support.mail_system import free_port, wait_for
from tests.support.oracle import needs_postfix, ours, postfix

PATH = "/usr/sbin:/usr/bin"
POSTSRSD = shutil.which("postsrsd", path=PATH)
MTA_STS_DAEMON = shutil.which("mta-sts-daemon", path=PATH)

needs_postsrsd = pytest.mark.skipif(
    POSTSRSD is None, reason="postsrsd is not installed (tools/install-peers)"
)
needs_mta_sts = pytest.mark.skipif(
    MTA_STS_DAEMON is None,
    reason="postfix-mta-sts-resolver is not installed (tools/install-peers)",
)


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the end of the block; it listens on *port* of 127.0.0.1."""

    def listens() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(listens, 20.0, f"{command[0]} on port {port}")
            yield
        finally:
            server.terminate()


@pytest.fixture
def srs(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The two tables of a running postsrsd: sender addresses there, and back."""
    secret = tmp_path / "secret"
    secret.write_text("not much of a secret\n")
    there, back = free_port(), free_port()
    options = ["-4", "-l", "127.0.0.1", "-s", str(secret), "-d", "srs.example"]
    with running([str(POSTSRSD), *options, "-f", str(there), "-r", str(back)], back):
        yield f"tcp:127.0.0.1:{there}", f"tcp:127.0.0.1:{back}"


@pytest.fixture
def sts(tmp_path: Path) -> Iterator[str]:
    """The table of a running mta-sts-daemon."""
    port = free_port()
    settings = tmp_path / "mta-sts-daemon.yml"
    settings.write_text(
        f"host: 127.0.0.1\nport: {port}\nreuse_port: true\nshutdown_timeout: 1\n"
        "cache:\n  type: internal\n  options:\n    cache_size: 100\n"
        "default_zone:\n  strict_testing: false\n  timeout: 4\n"
    )
    with running([str(MTA_STS_DAEMON), "-c", str(settings)], port):
        yield f"socketmap:inet:127.0.0.1:{port}:postfix"


@needs_postsrsd
def test_postsrsd_rewrites_a_sender_there_and_back(srs: tuple[str, str]) -> None:
    async def run() -> str | None:
        rewritten = await open_map(srs[0]).lookup("user@other.example")
        assert rewritten is not None
        assert rewritten.startswith("SRS0=")
        assert rewritten.endswith("=other.example=user@srs.example")
        return await open_map(srs[1]).lookup(rewritten)

    assert uvloop.run(run()) == "user@other.example"


@needs_postsrsd
def test_postsrsd_answers_many_at_a_time(srs: tuple[str, str]) -> None:
    async def run() -> list[str | None]:
        table = open_map(srs[0])
        keys = [f"user{number}@other.example" for number in range(200)]
        return list(await asyncio.gather(*map(table.lookup, keys)))

    for number, value in enumerate(uvloop.run(run())):
        assert value is not None
        assert value.endswith(f"=user{number}@srs.example")


@needs_postfix
@needs_postsrsd
@pytest.mark.parametrize(
    "key",
    ["user@other.example", "user@srs.example", "no-domain", "two words@other.example", "ü@ö.test"],
)
@pytest.mark.parametrize("direction", [0, 1])
def test_postsrsd_tells_ours_what_it_tells_postfix(
    srs: tuple[str, str], key: str, direction: int
) -> None:
    theirs = postfix("postmap", "-q", key, srs[direction])
    answer = ours(postmap.main, "postmap", "-q", key, srs[direction])
    assert (answer.status, answer.out) == (theirs.status, theirs.out)


@needs_postfix
@needs_mta_sts
@pytest.mark.parametrize(
    "key", ["nosuch.invalid", ".parent.invalid", "[192.0.2.1]", "not a domain"]
)
def test_mta_sts_daemon_tells_ours_what_it_tells_postfix(sts: str, key: str) -> None:
    theirs = postfix("postmap", "-q", key, sts)
    answer = ours(postmap.main, "postmap", "-q", key, sts)
    assert (answer.status, answer.out) == (theirs.status, theirs.out)
