"""One message on its way into the queue: trace and missing headers, limits, addresses.

The caller feeds the content as it arrives and stores what comes back; the header lines come at
the end, as `head`, because checks and filters may change them until then. So:

    cleanup = Cleanup(rules, routing, queue_id=..., ...)
    body += cleanup.feed(data)                  # again and again; the body alone comes back
    result = await cleanup.finish(recipients)
    content = result.head + body + result.tail

A body that is too large for memory is uploaded from piece 1 on; `head` becomes piece 0.

Postfix:    cleanup(8), smtpd(8), pickup(8)
RFC:        5321 4.4, 6.3
Parameters: hopcount_limit, message_size_limit, header_size_limit, always_add_missing_headers,
            mail_name, myhostname, header_checks
Must not:   touch the spool; know who calls it
"""

import sys
from collections.abc import Sequence

from spoolmta import maillog
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import AliasExpansionError
from spoolmta.errors import MapUnavailable
from spoolmta.message.envelope import Client, Recipient
from spoolmta.message.trace_headers import (
    Peer,
    received_from_client,
    received_from_user,
    received_internally,
)
from spoolmta.stages.cleanup import checks, header_block, headers, recipients, verdict
from spoolmta.stages.cleanup.checks import Findings
from spoolmta.stages.cleanup.header_block import HeaderBlock
from spoolmta.stages.cleanup.headers import Author
from spoolmta.stages.cleanup.rewriting import Rewriting
from spoolmta.stages.cleanup.rules import EXTERNAL_ORIGINS, CleanupRules
from spoolmta.stages.cleanup.verdict import CleanupResult, Refusal, Verdict

_MAILBOX_LINE = b"X-Mailbox-Line: "
_LOCAL = "local"


class Cleanup:
    """The cleaning up of one message."""

    __slots__ = (
        "_arrived_at",
        "_block",
        "_body_bytes",
        "_client",
        "_fed_bytes",
        "_full_name",
        "_limit",
        "_origin",
        "_queue_id",
        "_rewriting",
        "_routing",
        "_rules",
        "_sender",
        "_smtputf8",
        "_uid",
    )

    def __init__(
        self,
        rules: CleanupRules,
        routing: Routing,
        *,
        queue_id: str,
        sender: str,
        client: Client,
        origin: str,
        local_rewrite: bool,
        arrived_at: float,
        uid: int | None = None,
        full_name: str = "",
        smtputf8: bool = False,
    ) -> None:
        """*rules* are opened once per process: CleanupRules.open(configuration, log, overrides).

        *local_rewrite*: the client is one of local_header_rewrite_clients, so missing headers are
        added and header addresses completed.
        """
        parameters = rules.parameters
        self._rules = rules
        self._routing = routing
        self._queue_id = queue_id
        self._sender = recipients.clean_sender(sender, rules, routing)
        self._client = client
        self._origin = origin
        self._rewriting = Rewriting(rules, routing, self._warn, local=local_rewrite)
        self._arrived_at = arrived_at
        self._uid = uid
        self._full_name = full_name
        self._smtputf8 = smtputf8
        self._limit = parameters.message_size_limit or sys.maxsize
        self._block = HeaderBlock(rules.names, header_size_limit=parameters.header_size_limit)
        self._fed_bytes = 0
        self._body_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of content and return what of the body is ready to be stored.

        *data* has CRLF line ends and no dot-stuffing, and may be cut anywhere. The result is b""
        until the header block has ended, and again once the message is too large to be taken.
        """
        self._fed_bytes += len(data)
        if self._fed_bytes > self._limit:
            return b""
        block = self._block
        if not block.ended:
            data = block.feed(data)
        elif block.oversize:
            return b""
        self._body_bytes += len(data)
        return data

    @property
    def in_body(self) -> bool:
        """True once the header block has ended."""
        return self._block.ended

    def skip(self, size: int) -> None:
        """Count *size* bytes of body that stay where they are stored already."""
        self._fed_bytes += size
        self._body_bytes += size

    async def finish(self, given: Sequence[Recipient]) -> CleanupResult:
        """Return what becomes of the message for the recipients *given*; the content has ended.

        A lookup table that gives no answer makes the verdict DEFER.
        """
        tail = self._block.end()
        self._body_bytes += len(tail)
        refusal = self._exceeded(given)
        if refusal is not None:
            return self._refused(Verdict.REJECT, refusal)
        try:
            return await self._cleaned(given, tail)
        except MapUnavailable as error:
            if error.__cause__ is not None:
                self._rules.log.warning(str(error.__cause__))
            self._warn(str(error))
            return self._refused(Verdict.DEFER, verdict.LOOKUP_FAILED)
        except AliasExpansionError as error:
            self._warn(str(error))
            return self._refused(Verdict.DEFER, verdict.ALIASES_TOO_DEEP)

    async def became(self, given: Recipient) -> tuple[Recipient, ...]:
        """Return the recipients that one of those *given* to finish() was made into.

        Raises MapUnavailable, AliasExpansionError: tables have changed since it returned.
        """
        return await recipients.clean_recipients(
            [given], self._rules, self._routing, self._rewriting
        )

    def _exceeded(self, given: Sequence[Recipient]) -> Refusal | None:
        """Return which limit the message exceeds."""
        if self._fed_bytes > self._limit:
            return verdict.TOO_LARGE
        if self._block.oversize:
            return verdict.HEADERS_TOO_LARGE
        # Our own Received header counts, too.
        hops = 1 + self._block.count(header_block.HOP)
        if hops >= self._rules.parameters.hopcount_limit:
            self._warn("message rejected: hopcount exceeded")
            return verdict.TOO_MANY_HOPS
        return None if given else verdict.NO_RECIPIENTS

    async def _cleaned(self, given: Sequence[Recipient], tail: bytes) -> CleanupResult:
        self._sender = await self._rewriting.sender(self._sender)
        received = self._received(given)
        block = self._sound_block()
        findings = None
        if self._rules.checks(self._origin):
            every = checks.split_headers(received + block.block)
            findings = await checks.check_headers(every, self._rules.header_checks)
            self._log_findings(findings, given)
            if findings.verdict in (Verdict.REJECT, Verdict.DEFER):
                return self._refused(findings.verdict, Refusal(findings.reply, findings.reason))
            received = b""
            block = self._read_again(b"".join(findings.headers))
        lines = await headers.edit(block, self._rules.parameters, self._rewriting)
        added, message_id = self._missing(block)
        end = b"\r\n" if self._block.blank or self._block.text_ended else b""
        head = b"".join((received, lines, added, end))
        return CleanupResult(
            verdict=Verdict.ACCEPT if findings is None else findings.verdict,
            reply="",
            reason="" if findings is None else findings.reason,
            head=head,
            tail=tail,
            sender=self._sender,
            recipients=await self._recipients(given, findings),
            message_id=message_id,
            size=len(head) + self._body_bytes,
        )

    def _received(self, given: Sequence[Recipient]) -> bytes:
        receiver, at = self._rules.receiver, self._arrived_at
        if self._origin == "smtpd":
            peer = _peer(self._client, smtputf8=self._smtputf8)
            only = given[0].address if len(given) == 1 else ""
            return received_from_client(receiver, peer, self._queue_id, at, recipient=only)
        if self._uid is not None:
            return received_from_user(receiver, self._uid, self._queue_id, at)
        return received_internally(receiver, self._queue_id, at)

    def _sound_block(self) -> HeaderBlock:
        """Return the block without what cannot stay: a mailbox line, headers that are too long."""
        block = self._block
        if block.mailbox_line:
            block = self._read_again(_MAILBOX_LINE + block.block)
        limit = self._rules.parameters.header_size_limit
        if len(block.block) > limit:
            block = self._read_again(headers.shorten(checks.split_headers(block.block), limit))
        return block

    def _read_again(self, lines: bytes) -> HeaderBlock:
        limit = self._rules.parameters.header_size_limit
        block = HeaderBlock(self._rules.names, header_size_limit=max(limit, len(lines)))
        block.feed(lines)
        block.end()
        return block

    def _missing(self, block: HeaderBlock) -> tuple[bytes, str]:
        """Return the headers that the message lacks, and its message id."""
        rules = self._rules
        added = b""
        ids = headers.message_ids(block)
        adds = self._rewriting.header_rules is not None
        if adds or rules.parameters.always_add_missing_headers:
            kinds = block.kinds
            if not headers.is_complete(kinds):
                author = Author(self._sender, self._full_name, self._queue_id, self._arrived_at)
                added, made_id = headers.missing(kinds, author, rules.parameters)
                if made_id:
                    (ids.resent if kinds & header_block.RESENT else ids.plain).append(made_id)
        for resent in ids.resent:
            maillog.resent_message_id(rules.log, self._queue_id, resent)
        for plain in ids.plain or ("<>",):
            maillog.message_id(rules.log, self._queue_id, plain)
        return added, ids.plain[0] if ids.plain else ""

    async def _recipients(
        self, given: Sequence[Recipient], findings: Findings | None
    ) -> tuple[Recipient, ...]:
        rules, routing = self._rules, self._routing
        wanted = list(given)
        if findings is not None and findings.redirect:
            wanted = [Recipient(findings.redirect)]
        if rules.copies and rules.maps_addresses and self._origin in EXTERNAL_ORIGINS:
            wanted += await recipients.copies(given, self._sender, rules, routing)
        if findings is not None:
            wanted += (recipients.silent_copy(copy, routing) for copy in findings.copies)
        return await recipients.clean_recipients(wanted, rules, routing, self._rewriting)

    def _log_findings(self, findings: Findings, given: Sequence[Recipient]) -> None:
        log, client = self._rules.log, self._client
        for problem in findings.problems:
            log.warning(problem)
        for match in findings.matches:
            action = maillog.HeaderAction(
                action=match.action,
                part="header",
                content=match.header,
                origin=_LOCAL if client.is_local else f"{client.name}[{client.address}]",
                sender=self._sender,
                recipient=given[-1].address,
                protocol=client.protocol,
                helo=client.helo,
                text=match.text,
            )
            maillog.header_action(log, self._queue_id, action)

    def _warn(self, text: str) -> None:
        self._rules.log.warning(f"{self._queue_id}: {text}")

    def _refused(self, kind: Verdict, refusal: Refusal) -> CleanupResult:
        return CleanupResult(
            verdict=kind,
            reply=refusal.reply,
            reason=refusal.reason,
            head=b"",
            tail=b"",
            sender=self._sender,
            recipients=(),
            message_id="",
            size=0,
        )


def _peer(client: Client, *, smtputf8: bool) -> Peer:
    address = f"IPv6:{client.address}" if ":" in client.address else client.address
    protocol = client.protocol
    if smtputf8:
        protocol = "UTF8SMTP"
    if client.sasl_username and protocol != "SMTP":
        protocol += "A"
    return Peer(client.helo, client.name or "unknown", address, protocol)
