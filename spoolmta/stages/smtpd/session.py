"""One client's session: what has been said so far, and what is kept count of.

Handlers of verbs change it; the connection feeds them. All that is known of one mail is in the
transaction, which is replaced as a whole.

Postfix:    smtpd(8), smtpd_state(8)
Parameters: smtpd_helo_required, message_size_limit, myhostname, smtpd_forbid_bare_newline,
            smtpd_forbid_bare_newline_reject_code, local_header_rewrite_clients
Must not:   write to the network but through chat
"""

from spoolmta import maillog
from spoolmta.errors import MapUnavailable
from spoolmta.maillog import Rejection
from spoolmta.message.envelope import Client
from spoolmta.protocols.smtp_server import Progress, ServerInput
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.service.postmaster import Fault
from spoolmta.stages.cleanup.run import Cleanup
from spoolmta.stages.smtpd.chat import Chat, soften
from spoolmta.stages.smtpd.intake import Arrival, Intake
from spoolmta.stages.smtpd.peer import Peer
from spoolmta.stages.smtpd.restrictions.evaluate import (
    ABOUT_RECIPIENTS,
    PERMITTED,
    evaluate,
)
from spoolmta.stages.smtpd.restrictions.lists import Lists
from spoolmta.stages.smtpd.restrictions.request import Request
from spoolmta.stages.smtpd.restrictions.verdict import Effect, Kind
from spoolmta.stages.smtpd.server import Server
from spoolmta.stages.smtpd.transaction import Transaction

_TEMPORARY, _FINAL = 400, 500
_BEFORE_RECIPIENTS = frozenset(("CONNECT", "HELO", "EHLO", "MAIL"))
# A list that is asked once for all recipients may see the only one.
_AFTER_RECIPIENTS = frozenset(("DATA", "BDAT", "BDAT content", "END-OF-MESSAGE"))
_NONE_SAID = frozenset[str]()


class Session:
    """The state of a session.

    *last_command* is where the log says that something happened. *is_over* ends the session once
    the replies are out. *deferral* is a defer_if_permit of the client or helo list.
    """

    __slots__ = (
        "_client",
        "_port",
        "_rewrites_locally",
        "chat",
        "commands",
        "deferral",
        "discarded_keywords",
        "error_count",
        "helo",
        "improper_pipelining",
        "input",
        "is_denied",
        "is_extended",
        "is_over",
        "junk_count",
        "last_command",
        "peer",
        "server",
        "transaction",
    )

    def __init__(
        self, server: Server, peer: Peer, port: int, chat: Chat, incoming: ServerInput
    ) -> None:
        self.server = server
        self.peer = peer
        self.chat = chat
        self.input = incoming
        self.helo: str | None = None
        self.is_extended = False
        self.is_denied = False
        self.is_over = False
        self.improper_pipelining = False
        self.discarded_keywords: frozenset[str] = _NONE_SAID
        self.deferral: Reply | None = None
        self.error_count = 0
        self.junk_count = 0
        self.last_command = "CONNECT"
        self.commands: dict[str, tuple[int, int]] = {}
        self.transaction = Transaction()
        self._port = port
        self._client: Client | None = None
        self._rewrites_locally: bool | None = None

    @property
    def protocol(self) -> str:
        """SMTP or ESMTP."""
        return "ESMTP" if self.is_extended else "SMTP"

    @property
    def progress(self) -> Progress:
        """How far the session has come, as the order of commands sees it."""
        transaction = self.transaction
        return Progress(
            self.helo is not None or not self.server.parameters.smtpd_helo_required,
            transaction.sender is not None,
            len(transaction.recipients),
            transaction.chunks,
        )

    @property
    def client(self) -> Client:
        """The client as the envelope tells of it."""
        if self._client is None:
            peer = self.peer
            self._client = Client(
                name=peer.name,
                reverse_name=peer.reverse_name,
                address=peer.address,
                port=self._port,
                helo=self.helo or "",
                protocol=self.protocol,
                sasl_method=peer.sasl_method,
                sasl_username=peer.sasl_username,
                sasl_sender=peer.sasl_sender,
            )
        return self._client

    def greet(self, helo: str, *, extended: bool) -> None:
        """Take the name that the client gives itself; HELO does not take back an EHLO."""
        self.helo = helo
        self.is_extended = self.is_extended or extended
        self._client = None

    def count(self, name: str, *, called: int = 1, succeeded: int = 0) -> None:
        """Count a command for the log."""
        good, total = self.commands.get(name, (0, 0))
        self.commands[name] = (good + succeeded, total + called)

    def answer(self, name: str, reply: Reply) -> None:
        """Send the reply to the content that followed the command *name*, and count it."""
        self.chat.send(reply)
        if reply.code >= _TEMPORARY:
            self.error_count += 1
            if self.chat.transcript is not None:
                self.chat.transcript.blame_content(reply)
        else:
            self.count(name, called=0, succeeded=1)

    def refuse_bare_newline(self, stage: str) -> Reply | None:
        """Return the reply to a line that ended in LF alone, None if the site lets it pass."""
        parameters = self.server.parameters
        if parameters.smtpd_forbid_bare_newline != "reject":
            return None
        text = "bare <LF> received"
        self.log_decision("reject", self.request(stage), text)
        return Reply(
            parameters.smtpd_forbid_bare_newline_reject_code,
            "5.5.2",
            f"{parameters.myhostname} Error: {text}",
        )

    def end_mail(self) -> None:
        """Forget the mail, whatever became of it."""
        intake = self.transaction.intake
        if intake is not None and intake.is_in_spool:
            self.server.abandon(intake.arrival.message_id)
        self.transaction = Transaction()

    def end_part(self) -> None:
        """Between two messages: keep the transcript short."""
        if self.chat.transcript is not None:
            threshold = self.server.parameters.smtpd_history_flush_threshold
            self.chat.transcript.shorten(self.peer.shown, threshold)

    def break_off(self, reason: str) -> None:
        """Note why the session ends before its time."""
        if self.chat.transcript is not None:
            self.chat.transcript.reason = reason

    def request(self, stage: str) -> Request:
        """Return the command *stage* as the restrictions judge it."""
        transaction = self.transaction
        recipients = transaction.recipients
        is_only = len(recipients) == 1 and stage in _AFTER_RECIPIENTS
        return Request(
            stage,
            self.server.rules,
            self.peer,
            helo=self.helo,
            sender=transaction.sender,
            recipient=recipients[0].address if is_only else None,
            recipient_count=len(recipients),
            improper_pipelining=self.improper_pipelining,
        )

    async def ask(self, stage: str, asked: Lists) -> Reply | None:
        """Return the reply that refuses the command *stage*, None if the lists permit it."""
        return await self.decide(self.request(stage), asked) if asked else None

    async def decide(self, request: Request, asked: Lists) -> Reply | None:
        """Return the reply that refuses a command, None if the lists permit it.

        What access actions want is done, and logged. A defer_if_permit of a command before RCPT is
        kept for RCPT, which honours it.
        """
        transaction = self.transaction
        deferral = None
        if request.stage in ABOUT_RECIPIENTS:
            deferral = transaction.deferral or self.deferral
        try:
            decision = await evaluate(
                request,
                self.server.lists,
                asked,
                deferral=deferral,
                is_last=request.stage not in _BEFORE_RECIPIENTS,
            )
        except MapUnavailable as error:
            return self.unavailable(request, error)
        if decision is PERMITTED:
            return None
        for effect in decision.effects:
            self._apply(effect, request)
        if decision.is_discarded:
            transaction.wish().is_discarded = True
        if decision.deferral is not None and request.stage == "MAIL":
            transaction.deferral = decision.deferral
        elif decision.deferral is not None:
            self.deferral = self.deferral or decision.deferral
        reply = decision.reply
        if reply is None:
            return None
        if self.server.parameters.soft_bounce and reply.code >= _FINAL:
            reply = soften(reply)
        self.log_decision("reject", request, reply.line)
        if self.chat.transcript is not None:
            self.chat.transcript.blame_refusal(reply)
        return reply

    def unavailable(self, request: Request, error: MapUnavailable) -> Reply:
        """Return the reply to a command that a lookup table left undecided, and log it."""
        name = request.name_of(request.subject)
        reply = Reply(451, "4.3.0", f"<{name}>: Temporary lookup failure")
        self.server.context.log.warning(str(error))
        self.log_decision("reject", request, reply.line)
        if self.chat.transcript is not None:
            self.chat.transcript.blame(Fault.DATA, reply)
        return reply

    def log_decision(self, action: str, request: Request, text: str) -> None:
        """Log what was decided on a command, and on whose."""
        maillog.reject(
            self.server.context.log,
            self.transaction.queue_id,
            self.peer,
            Rejection(
                action,
                request.stage,
                text,
                sender=request.sender,
                recipient=request.recipient,
                protocol=self.protocol,
                helo=request.helo,
                sasl_method=self.peer.sasl_method,
                sasl_username=self.peer.sasl_username,
            ),
        )

    async def begin_intake(self) -> Intake:
        """Return the way of the mail's content into the spool, opened now if need be."""
        transaction, server = self.transaction, self.server
        if transaction.intake is None:
            arrival = Arrival(
                transaction.message_id,
                transaction.queue_id,
                transaction.arrived_at,
                self.client,
                transaction.options,
            )
            cleanup = Cleanup(
                server.cleanup_rules,
                server.routing,
                queue_id=transaction.queue_id,
                sender=transaction.sender or "",
                client=self.client,
                origin="smtpd",
                local_rewrite=await self._is_local_client(),
                arrived_at=transaction.arrived_at,
                smtputf8=transaction.options.smtputf8,
            )
            limit = server.parameters.message_size_limit
            transaction.intake = Intake(server.context, cleanup, arrival, limit)
        return transaction.intake

    async def _is_local_client(self) -> bool:
        """Return whether the client is one of local_header_rewrite_clients."""
        if self._rewrites_locally is None:
            request = self.request("CONNECT")
            self._rewrites_locally = False
            for restriction in self.server.local_clients:
                judge = restriction.judge
                if judge is not None and (await judge(request)).kind is Kind.PERMIT:
                    self._rewrites_locally = True
                    break
        return self._rewrites_locally

    def _apply(self, effect: Effect, request: Request) -> None:
        wishes = self.transaction.wish()
        match effect.action:
            case "hold":
                wishes.hold_reason = wishes.hold_reason or effect.value
            case "redirect":
                wishes.redirect = effect.value
            case "bcc":
                wishes.copies.append(effect.value)
            case "prepend":
                wishes.prepended.append(effect.value)
            case "warning":
                self.server.context.log.warning(effect.value)
        if effect.note is not None:
            self.log_decision(effect.action, request, effect.note)
