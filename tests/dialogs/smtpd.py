"""A real smtpd over a real spool, on a port of 127.0.0.1, for dialogues. No master, no stages.

with Smtpd(tmp_path, {"smtpd_helo_required": "yes"}) as smtpd:
    with smtpd.connect() as client:
        client.send(b"NOOP\\r\\n")
        assert client.reply() == "250 2.0.0 Ok"
"""

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop

from spoolmta.clock import SystemClock
from spoolmta.config.loader import Configuration, from_text
from spoolmta.config.master_cf import Service
from spoolmta.maillog import MailLog
from spoolmta.message.queue_id import MessageIds
from spoolmta.service.context import ServiceContext
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool import processes
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Row, Spool
from spoolmta.stages.smtpd.service import serve

PATIENCE_SECONDS = 20.0

SETTINGS = {
    "compatibility_level": "3.11",
    "myhostname": "mx.example.test",
    "mydestination": "$myhostname, localhost",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "relay_domains": "relay.test",
    "relay_recipient_maps": "inline:{ok@relay.test=1}",
    "virtual_alias_domains": "alias.test",
    "virtual_alias_maps": "inline:{known@alias.test=bob@inbox.test}",
    "virtual_mailbox_domains": "inbox.test",
    "virtual_mailbox_maps": "inline:{alice@inbox.test=a/, bob@inbox.test=b/}",
    "local_recipient_maps": "inline:{root=x, bob=x}",
    "alias_maps": "",
    "smtpd_error_sleep_time": "0",
}


class Client:
    """A client that says exactly what it is told to."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def line(self) -> str | None:
        """Return the next line that the server says, None once it has hung up."""
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            return None
        return line.decode("utf-8", "surrogateescape").removesuffix("\r\n") if line else None

    def reply(self) -> str | None:
        """Return the last line of the next reply."""
        while True:
            line = self.line()
            if line is None or line[3:4] != "-":
                return line

    def ask(self, command: str) -> str | None:
        """Send a command and return the last line of the reply."""
        self.send(command.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def end(self) -> None:
        """Send no more, but listen on."""
        self._socket.shutdown(socket.SHUT_WR)

    def set_timeout(self, seconds: float) -> None:
        """Wait no longer than this for the server."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()


class Smtpd:
    """A running smtpd; use it in a with statement."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.pokes: list[str] = []
        self.session_limit = 100
        self.configuration = _configuration(folder, settings or {})
        self.error: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS)
        if self.error is not None:
            self._listening.close()
            raise self.error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._listening.close()
        if kind is None and self.error is not None:
            raise self.error

    def connect(self, *, greeted: bool = True) -> Client:
        """Return a client; its greeting has been read unless told otherwise."""
        client = Client(self.port)
        if greeted:
            assert (client.reply() or "").startswith("220 ")
        return client

    def drain(self) -> None:
        """Ask it to finish what it has begun, as a reload does."""
        self._loop.call_soon_threadsafe(self._context.drain)

    def ask_to_stop(self) -> None:
        """Ask it to end soon, as SIGTERM does."""
        self._loop.call_soon_threadsafe(self._context.stop)

    def stop(self) -> None:
        """Stop it and wait for its end."""
        if self._thread.is_alive():
            self.ask_to_stop()
        self._thread.join(PATIENCE_SECONDS * 2)
        assert not self._thread.is_alive(), "smtpd does not end"

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(PATIENCE_SECONDS * 2)

    def limit_pages(self, pages: int) -> None:
        """Let the spool file grow to so many pages and no more, as on a disk that is full."""
        done = threading.Event()

        def limit() -> None:
            sql = f"PRAGMA max_page_count = {pages}"
            limited = self._context.committer.run(lambda spool: spool._connection.execute(sql))
            limited.add_done_callback(lambda _: done.set())

        self._loop.call_soon_threadsafe(limit)
        assert done.wait(PATIENCE_SECONDS)

    def break_ids(self) -> None:
        """Let the maker of message ids raise what nobody expects."""
        self._context.ids = _BrokenIds(0, SystemClock())

    def rows(self, sql: str, *bindings: object) -> list[Row]:
        """Return the rows of any SELECT over the spool."""
        spool = Spool.open(self.folder / FILE_NAME, SystemClock())
        try:
            return spool._connection.execute(sql, bindings).fetchall()
        finally:
            spool.close()

    def content(self) -> bytes:
        """Return the content of the latest message."""
        pieces = self.rows(
            "SELECT data FROM content WHERE message_id = (SELECT max(message_id) FROM message)"
            " ORDER BY piece"
        )
        return b"".join(piece[0] for piece in pieces)

    def log(self) -> list[str]:
        """Return the texts of the log lines so far."""
        path = self.folder / "maillog"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition("]: ")[2] for line in lines]

    def _run(self) -> None:
        try:
            uvloop.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it
            self.error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        context = self._context = self.open_context(self._listening)
        serving = asyncio.ensure_future(serve(context))
        try:
            # A configuration that cannot be used is found in the first step.
            await asyncio.sleep(0)
            if not serving.done():
                self._ready.set()
            await serving
        finally:
            await context.committer.close()
            context.spool.close()
            context.log.close()
            context.flush_logs()

    def open_context(self, *sockets: socket.socket) -> ServiceContext:
        """Return what the service is handed; call it inside the event loop."""
        clock = SystemClock()
        path = self.folder / FILE_NAME
        spool = Spool.open(path, clock, create=True)
        with spool.transaction() as tx:
            process_id = processes.register(tx, "smtpd")
        return ServiceContext(
            configuration=self.configuration,
            service=Service(name="smtp", kind="inet", command="smtpd"),
            log=MailLog.open(self.configuration, "smtpd", clock=clock),
            clock=clock,
            spool=spool,
            committer=Committer(path, clock),
            ids=MessageIds(process_id, clock),
            process_id=process_id,
            wakeup=Wakeup(None),
            poke=self.pokes.append,
            sockets=sockets,
            session_limit=self.session_limit,
        )


class _BrokenIds(MessageIds):
    def next(self) -> int:
        raise ZeroDivisionError("no ids today")


def _configuration(folder: Path, settings: Mapping[str, str]) -> Configuration:
    values = {
        **SETTINGS,
        "queue_directory": str(folder),
        "maillog_file_prefixes": str(folder),
        "maillog_file": str(folder / "maillog"),
        **settings,
    }
    text = "".join(f"{name} = {value}\n" for name, value in values.items())
    return from_text(text, "smtp inet n - n - - smtpd\n")
