"""Work done as another user: a process that forks, and children that become the recipient.

An agent must touch a user's files as that user, and a process that has the spool open must neither
run as root nor fork. So an agent that delivers as others starts a second process before the spool
is opened. That process, the deliverer, has a socket and nothing else: no spool, no event loop, no
thread. For each request it forks a child, which becomes the user for good (groups, gid, uid; never
mail_owner; root only for work that the agent named before any input was seen), does the work and
writes the answer to a pipe that came with the request; an answer that does not come means that the
child died. A fork of this small process costs about a millisecond; starting a fresh interpreter
would cost twenty times that. Before a child becomes the user it can change its root directory.

Started without privileges it serves its own user only.

Postfix:    util/set_eugid.c, local(8) "SECURITY"
Must not:   open the spool; believe a path or uid that came out of a row
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn, Self

import msgspec

from spoolmta.errors import TemporaryError
from spoolmta.service.context import ServiceContext

# A request with its environment and its paths must fit into one datagram of the socket.
REQUEST_BYTES = 128 * 1024

_ANSWER_BYTES = 64 * 1024
_ANSWERS_AT = 0
_DESCRIPTORS = 4
_STANDARD_DESCRIPTORS = 3
# The first byte of an answer.
_DONE = b"+"
_NO_ROOT = b"-"

Perform = Callable[[bytes, Sequence[int]], bytes]


class Identity(NamedTuple):
    """As whom the work is done."""

    uid: int
    gid: int


class NotPermitted(TemporaryError):
    """The work may not be done as that user: defer, the text says why."""


class DelivererLost(TemporaryError):
    """The deliverer, or the child that did the work, is gone: defer, and retire if it recurs."""


class NoSuchRoot(TemporaryError):
    """The root directory cannot be changed to the one that was asked for: defer."""


def _never(_: bytes) -> bool:
    return False


class _Rule(NamedTuple):
    """As whom work may be done. *own* is who the deliverer is; *may_root*: what root may do."""

    own: int
    mail_owner: int
    is_privileged: bool
    may_root: Callable[[bytes], bool] = _never

    def refusal(self, identity: Identity, work: bytes) -> str:
        """Return why not; "" if it may."""
        if not self.is_privileged:
            if identity.uid == self.own:
                return ""
            return f"cannot deliver as user id {identity.uid}: the mail system does not run as root"
        if identity.uid == 0 and self.may_root(work):
            return ""
        if identity.uid in (0, self.mail_owner):
            return f"delivery as user id {identity.uid} is not permitted"
        return ""


class _Child(NamedTuple):
    """What a child does, and as whom it may."""

    perform: Perform
    rule: _Rule


class _Request(msgspec.Struct, array_like=True):
    uid: int
    gid: int
    work: bytes
    root: str


class Deliverer:
    """The agent's end: requests go out, answers come back."""

    def __init__(self, socket_: socket.socket, pid: int, rule: "_Rule") -> None:
        """Use `start`."""
        self.is_lost = False
        self._rule = rule
        self._socket = socket_
        self._pid = pid

    @property
    def is_privileged(self) -> bool:
        """True if work can be done as somebody else."""
        return self._rule.is_privileged

    @classmethod
    def start(
        cls,
        perform: Perform,
        *,
        folder: str,
        mail_owner: int,
        may_root: Callable[[bytes], bool] = _never,
    ) -> Self:
        """Fork the deliverer; call it while this process has no thread, loop or spool.

        *perform* does the work of a request (its bytes and descriptors) in the child and returns
        the answer. Work begins in *folder*. *mail_owner* is the uid that the spool belongs to.
        *may_root* tells which work may be done as root.
        """
        own = os.geteuid()
        # A mail system that belongs to root has nothing to give up: it serves root alone.
        rule = _Rule(own, mail_owner, is_privileged=own == 0 and mail_owner != 0, may_root=may_root)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _serve(theirs, _Child(perform, rule), folder)
        theirs.close()
        ours.setblocking(False)
        return cls(ours, pid, rule)

    def refusal(self, identity: Identity, work: bytes = b"") -> str:
        """Return why *work* is not done as *identity*; "" if it is."""
        return self._rule.refusal(identity, work)

    async def run(
        self,
        identity: Identity,
        work: bytes,
        descriptors: Sequence[int] = (),
        *,
        root: str = "",
    ) -> bytes:
        """Return the answer to *work*, done as *identity* with copies of *descriptors*.

        With *root*, that is the root directory, and where the work begins.
        Raises NotPermitted, NoSuchRoot, DelivererLost: defer the delivery.
        """
        if refusal := self.refusal(identity, work):
            raise NotPermitted(refusal)
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            os.set_blocking(writing, True)
            try:
                request = _Request(*identity, work, root)
                await self._send(request, [writing, *descriptors])
            finally:
                os.close(writing)
            answer = await _receive(reading)
        finally:
            os.close(reading)
        if not answer:
            raise DelivererLost("the delivering process died")
        if answer[:1] == _NO_ROOT:
            raise NoSuchRoot(answer[1:].decode())
        return answer[1:]

    def close(self) -> None:
        """End the deliverer; what its children have begun they finish."""
        self._socket.close()
        os.waitpid(self._pid, 0)

    async def _send(self, request: _Request, descriptors: Sequence[int]) -> None:
        data = msgspec.msgpack.encode(request)
        if len(data) > REQUEST_BYTES:
            raise NotPermitted("the delivery's addresses and paths are too long")
        while True:
            try:
                socket.send_fds(self._socket, [data], list(descriptors))
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except OSError as error:
                self.is_lost = True
                raise DelivererLost("the delivering process is gone") from error
            else:
                return


def retire_if_lost(deliverer: Deliverer, context: ServiceContext) -> None:
    """Give way to a new process of this service if the deliverer is gone: that gets a new one."""
    if deliverer.is_lost:
        context.log.warning("the delivering process is gone: starting afresh")
        context.drain()


async def _receive(reading: int) -> bytes:
    """Return all that comes from a pipe until its end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    pieces: list[bytes] = []

    def take() -> None:
        try:
            piece = os.read(reading, _ANSWER_BYTES)
        except BlockingIOError:
            return
        if piece:
            pieces.append(piece)
        elif not ended.done():
            ended.set_result(None)

    loop.add_reader(reading, take)
    try:
        await ended
    finally:
        loop.remove_reader(reading)
    return b"".join(pieces)


def _serve(socket_: socket.socket, child: _Child, folder: str) -> NoReturn:
    """Be the deliverer, until the agent's end of the socket is closed."""
    status = 1
    try:
        os.chdir(folder)
        _drop_descriptors(socket_.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        # The kernel reaps: how a child ended is told by the answer that it wrote.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        gc.freeze()
        while _take_request(socket_, child):
            pass
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        os._exit(status)


def _take_request(socket_: socket.socket, child: _Child) -> bool:
    message, descriptors, _, _ = socket.recv_fds(socket_, REQUEST_BYTES, _DESCRIPTORS)
    if not message:
        return False
    pid = os.fork()
    if pid == 0:
        _be_child(socket_, message, descriptors, child)
    for descriptor in descriptors:
        os.close(descriptor)
    return True


def _be_child(
    socket_: socket.socket, message: bytes, descriptors: Sequence[int], child: _Child
) -> NoReturn:
    status = 1
    try:
        socket_.close()
        for number in (
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGQUIT,
            signal.SIGCHLD,
        ):
            signal.signal(number, signal.SIG_DFL)
        answer = memoryview(_answer(message, descriptors[1:], child))
        while answer:
            answer = answer[os.write(descriptors[_ANSWERS_AT], answer) :]
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        os._exit(status)


def _answer(message: bytes, descriptors: Sequence[int], child: _Child) -> bytes:
    request = msgspec.msgpack.decode(message, type=_Request)
    if request.root:
        try:
            os.chroot(request.root)
            os.chdir("/")
        except OSError as error:
            return _NO_ROOT + f"chroot({request.root}): {error.strerror}".encode()
    identity = Identity(request.uid, request.gid)
    if refusal := child.rule.refusal(identity, request.work):
        raise PermissionError(refusal)
    _become(identity, is_privileged=child.rule.is_privileged)
    return _DONE + child.perform(request.work, descriptors)


def _become(identity: Identity, *, is_privileged: bool) -> None:
    """Become a user for good.

    Raises PermissionError: it may not be; the process must do nothing more.
    """
    os.umask(0o077)
    if is_privileged:
        uid, gid = identity
        os.setgroups([gid])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if os.getresuid() != (identity.uid,) * 3:
        raise PermissionError(f"cannot become user id {identity.uid}")


def _drop_descriptors(kept: int) -> None:
    """Close what the service inherited but *kept*: listening sockets, locks, log files."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.closerange(_STANDARD_DESCRIPTORS, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
