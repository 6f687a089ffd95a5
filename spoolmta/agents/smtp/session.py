"""One conversation with a server: greeting, EHLO, then one transaction after the other.

The I/O around protocols/smtp_client.py, with a time limit for each phase. A kept session needs
no probe before it is used again: that it is dead shows before MAIL is answered, and then nothing
has been delivered. STARTTLS and AUTH have their place at the end of hello().

Postfix:    smtp_proto(3), smtp_session(3), smtp(8)
RFC:        5321, 2033
Parameters: smtp_helo_timeout and the other time limits, smtp_helo_name, smtp_always_send_ehlo,
            smtp_never_send_ehlo, smtp_skip_5xx_greeting, smtp_skip_quit_response,
            smtp_line_length_limit, smtp_discard_ehlo_keywords, disable_mime_output_conversion,
            smtp_reply_filter
Must not:   decide which server comes next, or what becomes of a recipient
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from spoolmta.agents.smtp import trouble
from spoolmta.agents.smtp.downgrade import to_7bit
from spoolmta.agents.smtp.reply_filter import ReplyFilter
from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.settings import DialogueSettings
from spoolmta.agents.smtp.transcript import Transcript
from spoolmta.agents.smtp.trouble import Trouble
from spoolmta.errors import (
    ConnectionLost,
    Corrupt,
    LocalProtocolError,
    MapUnavailable,
    NetworkError,
    RemoteProtocolError,
    TemporaryError,
)
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Trace
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.net.stream import Stream
from spoolmta.protocols.smtp_client import (
    Answer,
    Capabilities,
    Phase,
    ReplyReader,
    ServerReply,
    Service,
    Transaction,
    mail_command,
    parse_capabilities,
    rcpt_command,
)
from spoolmta.protocols.smtp_content import ContentEncoder

# Content up to this size is read before the conversation about it begins, and sent in one write.
SMALL_BYTES = 256 * 1024
QUIT = b"QUIT\r\n"
_END_OF_DATA = b".\r\n"
_CLOSING = 421
_FIRST_FAILURE = 400


class ContentSource(Protocol):
    """The content of a message, as the spool hands it out."""

    async def whole(self) -> bytes:
        """Return all of it."""
        ...

    def read(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece."""
        ...


class Message(msgspec.Struct, frozen=True):
    """What a transaction is about. *headers* go before the content.

    *last*: no other message will follow on this session.
    """

    delivery: Delivery
    recipients: Sequence[DeliveryRecipient]
    content: ContentSource
    headers: bytes = b""
    last: bool = False


class Transmission(msgspec.Struct, frozen=True):
    """What came of a transaction.

    *answers*: what the server said to each recipient. *failure* hits all without an answer.
    *is_stale*: the kept connection was dead already; nothing happened, another one is needed.
    """

    answers: Sequence[Answer | None]
    failure: Trouble | None = None
    is_stale: bool = False


class Session:
    """A conversation. *uses* counts the transactions; *is_over*: there can be no other."""

    def __init__(
        self,
        stream: Stream,
        server: Server,
        settings: DialogueSettings,
        log: MailLog,
        *,
        transcript: Transcript | None = None,
    ) -> None:
        self.server = server
        self._transcript = transcript
        self.opened_at = asyncio.get_running_loop().time()
        self.uses = 0
        self.is_over = False
        self.capabilities = Capabilities()
        self._stream = stream
        self._settings = settings
        self._log = log
        self._replies = ReplyReader()
        filtering = settings.reply_filter
        self._filter = ReplyFilter(filtering) if filtering else None
        self._needs_reset = False

    @property
    def is_usable(self) -> bool:
        """True if the server is there and has said nothing unasked."""
        silent = self._replies.is_empty and (self._filter is None or self._filter.is_empty)
        return not self.is_over and self._stream.is_usable and silent

    async def hello(self, nexthop: str, *, detect_loop: bool) -> Trouble | None:
        """Wait for the greeting and introduce ourselves; return what stands in the way.

        *detect_loop*: a server with our own name is this machine, and mail would loop.
        """
        phase = Phase.GREETING
        try:
            greeting = await self._reply(phase)
            if greeting.code // 100 != 2:
                self._judge(greeting)
                skip = self._settings.skip_5xx_greeting and greeting.code // 100 == 5
                return trouble.not_greeted(self.server, greeting, skip_5xx=skip)
            if detect_loop:
                self._warn_of_own_name("greeted me", greeting.reply.text)
            for phase in self._hello_phases(greeting):
                reply = await self._ask(phase)
                if reply.code // 100 == 2:
                    return await self._introduced(phase, reply, nexthop, detect_loop=detect_loop)
                if reply.code == _CLOSING:
                    break
            self._judge(reply)
            return trouble.not_greeted(self.server, reply)
        except (NetworkError, RemoteProtocolError) as error:
            self._break_off(error)
            return trouble.broken_off(self.server, phase, error)
        except MapUnavailable as error:
            self.is_over = True
            self._log.warning(str(error))
            return trouble.local_failure(self.server)

    async def transact(self, message: Message) -> Transmission:
        """Send a message to some recipients.

        Raises TemporaryError, Corrupt: its content cannot be read; nothing was said to the server.
        """
        self.uses += 1
        if self._transcript is not None:
            self._transcript.begin_message()
        delivery, recipients = message.delivery, message.recipients
        refusal = await self._refusal(message)
        if refusal is not None:
            return Transmission([None] * len(recipients), refusal)
        whole = await self._whole(message)
        try:
            transaction = self._transaction(delivery, recipients)
        except LocalProtocolError:
            return Transmission([None] * len(recipients), trouble.bad_address())
        failure = await self._converse(transaction, message, whole)
        self._needs_reset = transaction.needs_reset
        if failure is not None or transaction.closing:
            self.is_over = True
        stale = self.is_over and self.uses > 1 and self._died_before_mail(transaction, failure)
        return Transmission(transaction.answers, failure, stale)

    def leave(self) -> bool:
        """Say QUIT if the conversation still stands; True: the server's good-bye is waited for."""
        if self.is_over or not self._stream.is_usable:
            self.close()
            return False
        self._say(QUIT)
        if self._settings.skip_quit_response:
            self.close()
            return False
        return True

    async def wait_for_farewell(self) -> None:
        """Wait for the reply to QUIT, then close."""
        try:
            await self._reply(Phase.QUIT)
        except (NetworkError, RemoteProtocolError, MapUnavailable):
            self.is_over = True  # it does not matter any more how it ended
        self.close()

    def close(self) -> None:
        """Close the connection after what was written."""
        self.is_over = True
        self._stream.close()
        self._tell()

    def abort(self) -> None:
        """Close the connection at once: a message that is not complete must not look complete."""
        self.is_over = True
        self._stream.abort()
        self._tell()

    def _hello_phases(self, greeting: ServerReply) -> list[Phase]:
        settings = self._settings
        if settings.lmtp:
            return [Phase.LHLO]
        says_esmtp = "ESMTP" in greeting.reply.text.upper().split()[1:]
        if (settings.always_ehlo or says_esmtp) and not settings.never_ehlo:
            return [Phase.EHLO, Phase.HELO]
        return [Phase.HELO]

    async def _introduced(
        self, phase: Phase, reply: ServerReply, nexthop: str, *, detect_loop: bool
    ) -> Trouble | None:
        if phase is Phase.HELO:
            return None
        discarded = await self._discarded_keywords()
        if discarded is None:
            return trouble.local_failure(self.server)
        self.capabilities = parse_capabilities(reply.reply, discarded)
        if detect_loop and self._warn_of_own_name("replied to HELO/EHLO", self.capabilities.name):
            return trouble.loops_back(nexthop, permanent=self.server.best)
        return None

    async def _discarded_keywords(self) -> Sequence[str] | None:
        """Return the EHLO keywords to ignore; None if the table gives no answer."""
        settings = self._settings
        words: Sequence[str] = settings.discarded_keywords
        try:
            found = await settings.discarded_keyword_maps.lookup(self.server.address)
        except MapUnavailable as error:
            self._log.warning(f"EHLO keyword map lookup error for {self.server.address}: {error}")
            return None
        if found is not None:
            words = found.replace(",", " ").split()
        shown = [word.upper() for word in words]
        if shown and "SILENT-DISCARD" not in shown:
            self._log.info(f"discarding EHLO keywords: {' '.join(shown)}")
        return shown

    def _warn_of_own_name(self, how: str, text: str) -> bool:
        name = self._settings.own_name
        own = text.split(" ")[0].lower() == name.lower()
        if own:
            self._log.warning(f"host {self.server.relay} {how} with my own hostname {name}")
        return own

    async def _refusal(self, message: Message) -> Trouble | None:
        """Return why this message cannot go to this server at all."""
        delivery, capabilities = message.delivery, self.capabilities
        if 0 < capabilities.size_limit < delivery.size:
            return trouble.too_large(self.server, delivery.size, capabilities.size_limit)
        if (
            delivery.smtputf8
            and Service.SMTPUTF8 not in capabilities.services
            and await _has_utf8(message)
        ):
            return trouble.needs_smtputf8(self.server)
        return None

    def _converts(self, delivery: Delivery) -> bool:
        return (
            delivery.encoding != "7bit"
            and Service.EIGHT_BIT_MIME not in self.capabilities.services
            and self._settings.convert_8bit
        )

    def _transaction(
        self, delivery: Delivery, recipients: Sequence[DeliveryRecipient]
    ) -> Transaction:
        capabilities = self.capabilities
        return Transaction(
            mail_command(delivery, capabilities, converted=self._converts(delivery)),
            [rcpt_command(r, capabilities, smtputf8=delivery.smtputf8) for r in recipients],
            pipelining=Service.PIPELINING in capabilities.services,
            lmtp=self._settings.lmtp,
            reset=self._needs_reset,
            probe=delivery.trace is Trace.VERIFY,
        )

    async def _whole(self, message: Message) -> bytes | None:
        """Return content that is small, or must be converted; None: it is sent in pieces."""
        if self._converts(message.delivery):
            return await asyncio.to_thread(to_7bit, await message.content.whole())
        if message.delivery.size <= SMALL_BYTES:
            return await message.content.whole()
        return None

    async def _converse(
        self, transaction: Transaction, message: Message, whole: bytes | None
    ) -> Trouble | None:
        """Run a transaction to its end; return what broke it off."""
        phase = Phase.MAIL
        lost_in_content = False
        try:
            while (next_phase := transaction.phase) is not None:
                phase = next_phase
                if commands := transaction.commands():
                    self._say(commands)
                if phase is Phase.CONTENT:
                    lost_in_content = not await self._send_content(message, whole)
                    transaction.content_sent()
                    continue
                reply = await self._reply(phase)
                if reply.code >= _FIRST_FAILURE and message.delivery.sender:
                    self._judge(reply)
                transaction.receive(reply)
                if transaction.closing and not transaction.confirmed:
                    return None
        except (NetworkError, RemoteProtocolError) as error:
            self._break_off(error)
            return trouble.broken_off(
                self.server, Phase.CONTENT if lost_in_content else phase, error
            )
        except (TemporaryError, Corrupt) as error:
            self.abort()
            self._log.warning(f"{message.delivery.queue_id}: {error}")
            return trouble.local_failure(self.server)
        except BaseException:
            self.abort()
            raise
        return None

    async def _send_content(self, message: Message, whole: bytes | None) -> bool:
        """Send the content and the end of data; False: the connection was lost on the way.

        The server may have said why, so the caller still looks for a reply.
        """
        encoder = ContentEncoder(self._settings.line_length_limit)
        tail = b""
        if message.last and Service.PIPELINING in self.capabilities.services:
            tail, self.is_over = QUIT, True
        if whole is not None:
            headers = encoder.encode(message.headers) if message.headers else b""
            encoded = encoder.encode(whole)
            self._stream.write_pieces((headers, encoded, encoder.finish() + tail))
        else:
            self._stream.write(encoder.encode(message.headers))
            try:
                async for piece in message.content.read():
                    self._stream.write(encoder.encode(piece))
                    await self._stream.drain(self._settings.timeouts[Phase.CONTENT])
            except ConnectionLost:
                return False
            self._stream.write(encoder.finish() + tail)
        if self._transcript is not None:
            self._transcript.says(_END_OF_DATA + tail)
        if encoder.broke_lines:
            limit = self._settings.line_length_limit
            self._log.info(
                f"{message.delivery.queue_id}: breaking line > {limit} bytes with <CR><LF>SPACE"
            )
        return True

    async def _ask(self, phase: Phase) -> ServerReply:
        self._say(f"{phase.name} {self._settings.hello_name}\r\n".encode())
        return await self._reply(phase)

    async def _reply(self, phase: Phase) -> ServerReply:
        while (reply := self._replies.next()) is None:
            await self._read_more(phase)
        if self._transcript is not None:
            self._transcript.hears(reply)
        return reply

    def _say(self, commands: bytes) -> None:
        self._stream.write(commands)
        if self._transcript is not None:
            self._transcript.says(commands)

    def _judge(self, reply: ServerReply) -> None:
        if self._transcript is not None:
            self._transcript.judge(reply)

    def _break_off(self, error: NetworkError | RemoteProtocolError) -> None:
        self.is_over = True
        if self._transcript is not None and isinstance(error, RemoteProtocolError):
            self._transcript.note_no_reply()

    def _tell(self) -> None:
        if self._transcript is not None:
            self._transcript.tell()

    async def _read_more(self, phase: Phase) -> None:
        data = await self._stream.read(self._settings.timeouts[phase])
        self._replies.feed(data if self._filter is None else await self._filter.rewrite(data))

    @staticmethod
    def _died_before_mail(transaction: Transaction, failure: Trouble | None) -> bool:
        if not transaction.confirmed:
            return True
        first = transaction.answers[0]
        return (
            failure is None
            and first is not None
            and first.phase is Phase.MAIL
            and first.reply.code == _CLOSING
        )


async def _has_utf8(message: Message) -> bool:
    """Return whether addresses or headers have other than ASCII characters."""
    addresses = (message.delivery.sender, *(r.address for r in message.recipients))
    if not all(address.isascii() for address in addresses):
        return True
    async for piece in message.content.read():
        header, found, _ = piece.partition(b"\r\n\r\n")
        if not header.isascii():
            return True
        if found:
            break
    return False
