"""The recipients of one attempt: who is left, what became of the others.

Recipients that a server has taken, or refused for good, are done. For the others the next server
may help; what was said of them last becomes their outcome when there is none left. Such a failure
is logged on its own when another server is tried indeed.

With soft_bounce no refusal is for good while there is another server.

Postfix:    smtp_rcpt(3), smtp_trouble(3)
Parameters: soft_bounce
"""

from dataclasses import replace

import msgspec

from spoolmta import maillog
from spoolmta.agents.smtp import trouble
from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.session import Transmission
from spoolmta.agents.smtp.trouble import Radius, Trouble
from spoolmta.errors import ConfigError
from spoolmta.maillog import MailLog
from spoolmta.message.outcome import (
    Action,
    Delivery,
    DeliveryRecipient,
    Outcome,
    Passed,
    Success,
    pass_to,
)
from spoolmta.spool.deliveries import Feedback, Report, Verdict


class Circumstances(msgspec.Struct, frozen=True):
    """What an outcome says beside its result: who, how long it took, how often it was used."""

    relay: str = "none"
    delays: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    connection_use: int = 1


class Recipients:
    """The recipients of one attempt. *left* are those without a final outcome."""

    def __init__(
        self, delivery: Delivery, log: MailLog, *, lmtp: bool, soft_bounce: bool = False
    ) -> None:
        """*lmtp*: the end of data is answered for each recipient."""
        self.left: list[DeliveryRecipient] = list(delivery.recipients)
        self._queue_id = delivery.queue_id
        self._log = log
        self._lmtp = lmtp
        self._soft_bounce = soft_bounce
        self._done: dict[int, Outcome] = {}
        self._waiting: dict[int, Outcome] = {}
        # Reasons, each with the recipient whose it is alone.
        self._untold: dict[tuple[str, int | None], None] = {}
        self._last: Trouble | None = None  # what hit all that were left, most recently
        self._spoken = False  # what hit them was said by a server, or to it
        self._passed: tuple[Passed, ...] = ()
        self._throttled = False  # a server asked for less
        self._completed = False  # a conversation came to its end, so the destination works

    def record(
        self,
        server: Server,
        transmission: Transmission,
        circumstances: Circumstances,
        tell_success: Success | None,
    ) -> None:
        """Take over what a server said to each of those who were left."""
        failure = transmission.failure
        if failure is None or failure.radius is Radius.MESSAGE:
            self._completed = True
        self._last, self._spoken = failure, True
        for recipient, answer in zip(tuple(self.left), transmission.answers, strict=True):
            if answer is None:
                self._refuse(recipient, failure or trouble.NO_SERVER, circumstances)
            elif answer.is_success:
                text = answer.reply.text
                sent = Outcome(
                    recipient.number,
                    Action.SENT,
                    answer.reply.dsn,
                    text,
                    circumstances.relay,
                    server.name,
                    text,
                    circumstances.delays,
                    circumstances.connection_use,
                    tell_success,
                )
                self._finish(recipient, sent)
            else:
                refusal = trouble.refused(server, answer, lmtp=self._lmtp)
                self._refuse(recipient, refusal, circumstances)

    def hit_all(self, failure: Trouble, circumstances: Circumstances) -> None:
        """No conversation came about. Nobody is given up before every server has been tried."""
        self._last, self._spoken = failure, False
        for recipient in self.left:
            self._waiting[recipient.number] = _failed(recipient.number, failure, circumstances)

    def refuse_all(self, failure: Trouble, circumstances: Circumstances) -> None:
        """A server wants nothing from us, or the conversation broke off."""
        self._last, self._spoken = failure, True
        for recipient in tuple(self.left):
            self._refuse(recipient, failure, circumstances)

    def soften(self, parameter: str) -> None:
        """Give nobody up for good because of a server that *parameter* names."""
        if self._last is None or self._last.is_soft or self._spoken or not self.left:
            return
        self._log.warning(f"{parameter} configuration problem")
        self._last = replace(self._last, dsn="4.3.5")
        for number, outcome in self._waiting.items():
            if outcome.action is Action.BOUNCED:
                softer = msgspec.structs.replace(outcome, action=Action.DEFERRED, dsn="4.3.5")
                self._waiting[number] = softer

    @property
    def are_looping(self) -> bool:
        """True if mail for those who are left would come back to this machine, for good."""
        return self._last is not None and self._last.is_loop and not self._last.is_soft

    def pass_to(self, best_mx_transport: str, nexthop: str) -> None:
        """Leave those who are left to another transport."""
        try:
            self._passed = tuple(
                pass_to(best_mx_transport, nexthop, recipient.number, recipient.address)
                for recipient in self.left
            )
        except ConfigError as error:
            self._log.warning(str(error))
            self.soften("best_mx_transport")
        else:
            self.left.clear()

    def tell(self) -> None:
        """Log the failures because of which another server is tried now."""
        for reason, _ in self._untold:
            maillog.trouble(self._log, self._queue_id, reason)
        self._untold.clear()

    def report(self) -> Report:
        """Return an outcome for every recipient, and whether the destination failed."""
        for recipient in self.left:
            number = recipient.number
            self._done[number] = self._waiting.get(number) or _failed(
                number, trouble.NO_SERVER, Circumstances()
            )
        return Report(tuple(self._done.values()), self._feedback(), passed=self._passed)

    def _feedback(self) -> Feedback:
        last = self._last
        if not self.left or self._completed or last is None:
            return Feedback(throttled=self._throttled)
        if last.radius is not Radius.DESTINATION or not last.is_soft:
            return Feedback(throttled=self._throttled)
        return Feedback(Verdict.FAILED, last.dsn, last.reason, self._throttled)

    def _refuse(
        self, recipient: DeliveryRecipient, failure: Trouble, circumstances: Circumstances
    ) -> None:
        outcome = _failed(recipient.number, failure, circumstances)
        self._throttled |= failure.asks_for_less
        if failure.is_soft or failure.elsewhere or self._soft_bounce:
            self._waiting[recipient.number] = outcome
            alone = recipient.number if failure.radius is Radius.RECIPIENT else None
            self._untold[failure.reason, alone] = None
        else:
            self._finish(recipient, outcome)

    def _finish(self, recipient: DeliveryRecipient, outcome: Outcome) -> None:
        self._done[recipient.number] = outcome
        self.left.remove(recipient)


def _failed(number: int, failure: Trouble, circumstances: Circumstances) -> Outcome:
    return Outcome(
        number,
        Action.DEFERRED if failure.is_soft else Action.BOUNCED,
        failure.dsn,
        failure.reason,
        circumstances.relay,
        failure.remote,
        failure.reply,
        circumstances.delays,
        circumstances.connection_use,
    )
