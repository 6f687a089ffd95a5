"""A process that has all of spoolmta imported, and forks itself into programs that a test asks for.

A start of Python that imports spoolmta takes as long as a hundred forks. It is no fork of the test:
threads, SQLite connections, signal handlers, filters of warnings and caches of the test are nothing
that a mail system begins with. Nor is anything but imports done here, so that all that is forked
begins as a fresh start would.

A request is one datagram on its standard input: a Request as JSON, with four descriptors, those of
standard input, output and error, and one into which the process id and, at its end, the exit status
are written. It ends when the test does.
"""

import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import spoolmta
from spoolmta.service import crash
from tests.support.console_script import become

NUMBER = struct.Struct("=i")
REQUEST_BYTES = 1 << 17
_DESCRIPTORS = 4
_INHERITED = 3
_NOBODY = (0, 0)
_PR_SET_CHILD_SUBREAPER = 36


class Request(NamedTuple):
    """A program to be run: its words, the first of which is its path, its folder and variables."""

    words: list[str]
    folder: str
    environment: dict[str, str]


def encode(request: Request) -> bytes:
    """Return the datagram of a request."""
    return json.dumps(request).encode()


def serve(requests: socket.socket) -> None:
    """Run the programs that are asked for, until nobody can ask any more."""
    mains = _import_everything()
    _adopt_orphans()
    wakeup, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.collect()
    gc.freeze()
    tell: dict[int, int] = {}  # where to tell of its end, by the process id
    while True:
        readable, _, _ = select.select([requests.fileno(), wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, REQUEST_BYTES)
            _tell_of_ends(tell)
        if requests.fileno() in readable:
            data, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, _DESCRIPTORS)
            if not data:
                return
            *streams, told = descriptors
            pid = os.fork()
            if pid == 0:
                _be(Request(*json.loads(data)), streams, mains)
            tell[pid] = told
            os.write(told, NUMBER.pack(pid))
            for descriptor in streams:
                os.close(descriptor)


def _import_everything() -> Mapping[str, Callable[[], object]]:
    """Import all modules; return the main functions of the programs by their names."""
    for module in pkgutil.walk_packages(spoolmta.__path__, f"{spoolmta.__name__}."):
        importlib.import_module(module.name)
    scripts = importlib.metadata.distribution(spoolmta.__name__).entry_points
    return {script.name: script.load() for script in scripts}


def _adopt_orphans() -> None:
    """Be the parent of services whose master was killed: some init looks only once a second."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _tell_of_ends(tell: dict[int, int]) -> None:
    """Write the exit status, or minus the signal, of what has ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != _NOBODY:
            pid, status = ended
            if pid in tell:
                told = tell.pop(pid)
                with contextlib.suppress(BrokenPipeError):
                    os.write(told, NUMBER.pack(os.waitstatus_to_exitcode(status)))
                os.close(told)


def _be(request: Request, streams: list[int], mains: Mapping[str, Callable[[], object]]) -> None:
    """Be the process, and never come back."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(request.folder)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(_INHERITED, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    # The one module that reads the environment when it is imported.
    importlib.reload(crash)
    main = mains[Path(request.words[0]).name]
    become(main, request.words, {}, (0, 1, 2))


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
