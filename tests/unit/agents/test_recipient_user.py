import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from spoolmta.agents.recipient_user import Deliverer, DelivererLost, Identity, NotPermitted

NOBODY = Identity(65534, 65534)
IS_ROOT = os.geteuid() == 0
# With root we can be nobody, without it ourselves alone.
SOMEBODY = NOBODY if IS_ROOT else Identity(os.geteuid(), os.getegid())
MAIL_OWNER = 65533


def _perform(work: bytes, descriptors: Sequence[int]) -> bytes:
    if work == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    if work == b"fail":
        raise OSError
    if work == b"read":
        return os.pread(descriptors[0], 100, 0)
    if work == b"much":
        return b"x" * 300_000
    facts = {
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": os.getgroups(),
        "umask": os.umask(0),
        "folder": str(Path.cwd()),
        "descriptors": _open_descriptors(),
    }
    return json.dumps(facts).encode()


def _open_descriptors() -> list[str]:
    """Return what is open beside standard input, output and error."""
    paths = list(Path("/proc/self/fd").iterdir())
    return [str(path.readlink()) for path in paths if path.is_symlink() and int(path.name) > 2]


@pytest.fixture
def deliverer(tmp_path: Path) -> Iterator[Deliverer]:
    tmp_path.chmod(0o755)
    started = Deliverer.start(_perform, folder=str(tmp_path), mail_owner=MAIL_OWNER)
    yield started
    started.close()


def test_work_is_done_as_the_user_for_good(deliverer: Deliverer, tmp_path: Path) -> None:
    facts = json.loads(asyncio.run(deliverer.run(SOMEBODY, b"who")))
    assert facts["uids"] == [SOMEBODY.uid] * 3
    assert facts["gids"] == [SOMEBODY.gid] * 3
    assert facts["umask"] == 0o077
    assert facts["folder"] == str(tmp_path)
    assert not IS_ROOT or facts["groups"] == [SOMEBODY.gid]


def test_a_child_has_nothing_open_but_what_it_was_given(deliverer: Deliverer) -> None:
    facts = json.loads(asyncio.run(deliverer.run(SOMEBODY, b"who")))
    # libuv makes a pipe of its own in each child, if a loop of it was ever made in this process.
    named = Counter(facts["descriptors"])
    given = [name for name, ends in named.items() if ends == 1]
    assert len(given) == 1
    assert given[0].startswith("pipe:"), "the answer's, and no socket, lock or log file"


def test_a_descriptor_is_handed_over(deliverer: Deliverer, tmp_path: Path) -> None:
    with (tmp_path / "message").open("w+b") as message:
        message.write(b"hello")
        message.flush()
        assert asyncio.run(deliverer.run(SOMEBODY, b"read", [message.fileno()])) == b"hello"


def test_a_long_answer_comes_whole(deliverer: Deliverer) -> None:
    assert len(asyncio.run(deliverer.run(SOMEBODY, b"much"))) == 300_000


@pytest.mark.parametrize("work", [b"die", b"fail"])
def test_a_child_that_dies_is_lost_and_the_next_one_works(
    deliverer: Deliverer, work: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DelivererLost):
        asyncio.run(deliverer.run(SOMEBODY, work))
    assert not deliverer.is_lost
    assert asyncio.run(deliverer.run(SOMEBODY, b"who"))


def test_many_work_side_by_side(deliverer: Deliverer) -> None:
    async def run() -> list[bytes]:
        return await asyncio.gather(*(deliverer.run(SOMEBODY, b"who") for _ in range(50)))

    assert len(asyncio.run(run())) == 50


@pytest.mark.parametrize("uid", [0, MAIL_OWNER])
def test_nothing_is_done_as_root_or_as_the_owner_of_the_spool(
    deliverer: Deliverer, uid: int
) -> None:
    with pytest.raises(NotPermitted):
        asyncio.run(deliverer.run(Identity(uid, uid), b"who"))


def test_a_deliverer_that_died_is_told_from_a_child_that_died(tmp_path: Path) -> None:
    deliverer = Deliverer.start(_perform, folder=str(tmp_path), mail_owner=MAIL_OWNER)
    os.kill(deliverer._pid, signal.SIGKILL)
    os.waitid(os.P_PID, deliverer._pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(DelivererLost):
        asyncio.run(deliverer.run(SOMEBODY, b"who"))
    assert deliverer.is_lost
    deliverer.close()


def test_the_deliverer_ends_with_the_agent(tmp_path: Path) -> None:
    deliverer = Deliverer.start(_perform, folder=str(tmp_path), mail_owner=MAIL_OWNER)
    deliverer._socket.close()
    _, status = os.waitpid(deliverer._pid, 0)
    assert status == 0


def test_a_mail_system_that_belongs_to_its_user_serves_that_user_alone(tmp_path: Path) -> None:
    own = Identity(os.geteuid(), os.getegid())
    deliverer = Deliverer.start(_perform, folder=str(tmp_path), mail_owner=own.uid)
    assert not deliverer.is_privileged
    facts = json.loads(asyncio.run(deliverer.run(own, b"who")))
    assert facts["uids"] == [own.uid] * 3
    assert "does not run as root" in deliverer.refusal(NOBODY)
    deliverer.close()
