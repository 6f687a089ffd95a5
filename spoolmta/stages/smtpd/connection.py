"""One connection: bytes come in, are cut into commands and content, and replies go out.

One handler runs at a time. While it has to wait, what comes is kept, and reading stops when much
has come; no command is taken while the client does not take its replies.

Postfix:    smtpd(8)
Parameters: line_length_limit, smtpd_timeout, smtpd_banner,
            smtpd_forbid_unauth_pipelining,
            soft_bounce, myhostname
Must not:   know a verb
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from spoolmta import maillog
from spoolmta.protocols.smtp_server import ServerInput
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.service import eager
from spoolmta.stages.smtpd import verbs
from spoolmta.stages.smtpd.chat import Chat
from spoolmta.stages.smtpd.data import take_content
from spoolmta.stages.smtpd.server import Server
from spoolmta.stages.smtpd.session import Session
from spoolmta.stages.smtpd.transcript import Transcript

_THIS_MACHINE = "127.0.0.1"
_CONTENT_COMMANDS = ("DATA", "BDAT")
# What may wait for a busy handler before reading stops.
_MOST_WAITING_BYTES = 64 * 1024


class Connection(asyncio.Protocol):
    """The link between a transport and a session; *on_end* is called when it is over."""

    def __init__(self, server: Server, on_end: Callable[["Connection"], None]) -> None:
        self._server = server
        self._on_end = on_end
        self._input = ServerInput(server.parameters.line_length_limit)
        self._chat = Chat(
            self._write,
            soft_bounce=server.parameters.soft_bounce,
            transcript=Transcript(server.postmaster) if server.postmaster.wanted else None,
        )
        self._time = server.loop.time
        self._transport: asyncio.Transport | None = None
        self._session: Session | None = None
        self._busy: asyncio.Future[None] | None = None
        self._heard_at = self._time()
        self._is_paused = False
        self._is_clogged = False
        self._is_at_end = False
        self._is_draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is, and greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._busy = eager.start(self._greet(transport.get_extra_info("peername")), self._continue)
        self._advance()

    def data_received(self, data: bytes) -> None:
        """Take what the client sends, and act on it unless a handler is busy."""
        self._heard_at = self._time()
        incoming = self._input
        incoming.receive(data)
        if self._busy is None and not self._is_clogged:
            self._advance()
        elif incoming.waiting_bytes > _MOST_WAITING_BYTES and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Answer what came before, then hang up."""
        self._is_at_end = True
        if self._busy is None:
            self._advance()
        return True

    def pause_writing(self) -> None:
        """Take no more commands: the client does not read."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """Go on."""
        self._is_clogged = False
        if self._busy is None:
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End, once a handler that is busy has come to its end."""
        self._transport = None
        if self._busy is None:
            self._end()

    def check_time(self, now: float) -> None:
        """Hang up on a client that has been silent, or deaf, for smtpd_timeout."""
        session, parameters = self._session, self._server.parameters
        if self._busy is not None or session is None:
            return
        if now - self._heard_at < parameters.smtpd_timeout:
            return
        if session.is_over or self._is_clogged:
            # It does not even take what was said last, so that a polite end would never come.
            if self._transport is not None:
                self._transport.abort()
            return
        maillog.timeout(self._server.context.log, session.peer, *self._after())
        session.break_off("timeout")
        text = f"{parameters.myhostname} Error: timeout exceeded"
        self._say_goodbye(session, Reply(421, "4.4.2", text))

    def drain(self) -> None:
        """Hang up as soon as no content is under way."""
        self._is_draining = True
        if self._busy is None:
            self._advance()

    def stop(self) -> None:
        """Hang up now, whatever is under way; a commit that has begun is not called off."""
        if self._session is not None and not self._session.is_over:
            self._say_goodbye(self._session, self._shutting_down())
        elif self._transport is not None:
            self._transport.abort()

    async def _greet(self, peername: Any) -> None:
        server, parameters = self._server, self._server.parameters
        # A client on a unix-domain socket has no address; it is on this machine.
        host, port = peername[:2] if isinstance(peername, tuple) else (_THIS_MACHINE, 0)
        peer = await server.names.find(host)
        session = self._session = Session(server, peer, port, self._chat, self._input)
        if peer.doubt is not None:
            maillog.name_does_not_resolve(
                server.context.log, peer.reverse_name, peer.address, peer.doubt
            )
        maillog.connect(server.context.log, peer)
        if not self._input.is_empty and parameters.smtpd_forbid_unauth_pipelining:
            verbs.hang_up_unsynchronized(session, session.last_command)
            return
        refusal = await session.ask("CONNECT", server.lists.at_connect)
        if refusal is None:
            self._chat.send(Reply(220, "", parameters.smtpd_banner))
        else:
            self._chat.send(refusal)
            session.is_denied = True
            session.is_over = refusal.code in verbs.LAST_REPLIES

    def _advance(self) -> None:
        """Act on what waits, as far as it goes; then let the replies go."""
        session, incoming = self._session, self._input
        while self._busy is None and session is not None and not session.is_over:
            if self._is_clogged or self._transport is None:
                break
            if incoming.in_content:
                if not incoming.has_content:
                    break
                self._busy = eager.start(take_content(session), self._continue)
            elif self._is_draining:
                self._chat.send(self._shutting_down())
                session.is_over = True
            elif incoming.is_empty or (line := incoming.next_line()) is None:
                break
            else:
                self._busy = eager.start(verbs.run_line(session, line), self._continue)
        if self._busy is None:
            self._come_to_rest()
        self._server.log_soon()

    def _come_to_rest(self) -> None:
        """No handler is busy and nothing is left to do: answer, and wait for the client."""
        session, transport = self._session, self._transport
        self._chat.flush()
        if transport is None:
            self._end()
        elif session is not None and session.is_over:
            transport.close()
        elif self._is_at_end and not self._is_clogged:
            self._lose()
            transport.close()
        elif self._is_paused and not self._is_clogged:
            self._is_paused = False
            transport.resume_reading()

    def _continue(self, _: "asyncio.Future[None]") -> None:
        self._busy = None
        self._heard_at = self._time()
        self._advance()

    def _say_goodbye(self, session: Session, reply: Reply) -> None:
        self._chat.send(reply)
        self._chat.flush()
        session.is_over = True
        if self._transport is not None:
            self._transport.close()

    def _shutting_down(self) -> Reply:
        host = self._server.parameters.myhostname
        return Reply(421, "4.3.2", f"{host} Service shutting down")

    def _lose(self) -> None:
        """Log that the client went away before it should have."""
        session = self._session
        if session is not None and not session.is_over:
            maillog.lost_connection(self._server.context.log, session.peer, *self._after())
            session.break_off("lost connection")
            session.is_over = True

    def _after(self) -> tuple[str, int | None]:
        """Return where in the session we are, and how much content has come if we are in it."""
        assert self._session is not None
        where, intake = self._session.last_command, self._session.transaction.intake
        if where not in _CONTENT_COMMANDS or intake is None:
            return where, None
        return where, intake.size

    def _end(self) -> None:
        """Forget the session; called once, when transport and handler are both gone."""
        self._lose()
        session, self._session = self._session, None
        if session is not None:
            session.end_mail()
            if self._chat.transcript is not None:
                self._chat.transcript.tell(session.peer.shown)
            maillog.disconnect(self._server.context.log, session.peer, session.commands)
            self._server.log_soon()
        self._on_end(self)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
