"""Who is told of what: RFC 3461's NOTIFY, notify_classes, and never a bounce of a bounce.

Postfix:    bounce/bounce_notify_service.c, bounce_warn_service.c, bounce_trace_service.c
RFC:        3461 4.1 (NOTIFY), 5.2.1 (who is told); 3464 2.3.3 (actions); 5321 6.1 (null sender)
Parameters: notify_classes, bounce_notice_recipient, 2bounce_notice_recipient,
            delay_notice_recipient, double_bounce_sender
Must not:   touch the spool
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from spoolmta.message.envelope import Notify, Recipient
from spoolmta.message.outcome import Action, Success
from spoolmta.spool.notices import Kind, RecordedOutcome

_ACTIONS = {Kind.FAILURE: Action.BOUNCED, Kind.DELAY: Action.DEFERRED, Kind.SUCCESS: Action.SENT}
_ASKED = {Kind.FAILURE: Notify.FAILURE, Kind.DELAY: Notify.DELAY, Kind.SUCCESS: Notify.SUCCESS}
_NO_RELAY = "none"
_TRANSIENT = "4."
_WORDS = {Kind.FAILURE: "failed", Kind.DELAY: "delayed"}


@dataclass(frozen=True, slots=True)
class Concerned:
    """A recipient that a notice is about; *action* is RFC 3464's word for what happened."""

    recipient: Recipient
    action: str
    dsn: str
    reason: str
    remote: str
    reply: str


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The parameters that say what a postmaster is told; addresses are complete."""

    classes: frozenset[str]
    bounce: str
    double_bounce: str
    delay: str
    double_bounce_sender: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One report to be written: from whom, to whom, about whom.

    *title* is how the log calls it. *to_postmaster*: a copy without the words for a sender.
    *headers_only*: however small the message is, its body is not returned.
    """

    kind: Kind
    sender: str
    recipient: str
    concerned: tuple[Concerned, ...]
    title: str
    to_postmaster: bool = False
    headers_only: bool = False


def ends(kind: Kind) -> bool:
    """Return whether a notice of this kind is all that its recipients' outcomes call for."""
    return kind not in (Kind.DELAY, Kind.TRACE)


def concerned_by(
    kind: Kind, recipients: Mapping[int, Recipient], outcomes: Sequence[RecordedOutcome]
) -> tuple[RecordedOutcome, ...]:
    """Return the outcomes that a notice of this kind is about."""
    return tuple(
        outcome
        for outcome in outcomes
        if outcome.number in recipients and _is_about(kind, recipients[outcome.number], outcome)
    )


def recipients_to_tell(
    kind: Kind, recipients: Mapping[int, Recipient], outcomes: Sequence[RecordedOutcome]
) -> tuple[Concerned, ...]:
    """Return the recipients of whom the sender wants to be told, once for each destination."""
    return tuple(
        _concerned(kind, recipients[outcome.number], outcome)
        for outcome in concerned_by(kind, recipients, outcomes)
        if kind is Kind.TRACE
        or _wants(recipients[outcome.number].notify, _ASKED[kind])
        or _ends_delay(recipients[outcome.number], outcome)
    )


def letters(
    kind: Kind,
    sender: str,
    recipients: Mapping[int, Recipient],
    outcomes: Sequence[RecordedOutcome],
    postmaster: Postmaster,
) -> tuple[Letter, ...]:
    """Return the reports that a notice about the mail of *sender* comes to.

    A bounce that cannot be delivered goes to the postmaster if notify_classes says so, and what
    the postmaster does not get either is dropped.
    """
    if sender.lower() == postmaster.double_bounce_sender.lower():
        return ()
    return tuple(
        letter
        for some in _apart(kind, concerned_by(kind, recipients, outcomes))
        for letter in _letters_about(kind, sender, recipients, some, postmaster)
    )


def _apart(kind: Kind, outcomes: Sequence[RecordedOutcome]) -> Sequence[Sequence[RecordedOutcome]]:
    """Return what goes into each report: who was refused is not told of with who ran out of time.

    A refusal has a status of class 5, the last reason for waiting one of class 4.
    """
    if kind is not Kind.FAILURE:
        return (outcomes,)
    given_up = [outcome for outcome in outcomes if outcome.dsn.startswith(_TRANSIENT)]
    refused = [outcome for outcome in outcomes if not outcome.dsn.startswith(_TRANSIENT)]
    return refused, given_up


def _letters_about(
    kind: Kind,
    sender: str,
    recipients: Mapping[int, Recipient],
    outcomes: Sequence[RecordedOutcome],
    postmaster: Postmaster,
) -> tuple[Letter, ...]:
    """Return the reports about *outcomes* alone."""
    everybody = tuple(_concerned(kind, recipients[outcome.number], outcome) for outcome in outcomes)
    if not everybody:
        return ()
    if not sender:
        return _of_a_bounce(kind, everybody, postmaster)
    told = recipients_to_tell(kind, recipients, outcomes)
    written = []
    if told:
        written.append(_to_sender(kind, sender, told))
    copy = _copy(kind, everybody, postmaster)
    if copy is not None:
        written.append(copy)
    return tuple(written)


def _is_about(kind: Kind, recipient: Recipient, outcome: RecordedOutcome) -> bool:
    if kind is Kind.TRACE:
        return True
    if outcome.noticed or outcome.action != _ACTIONS[kind]:
        return False
    if kind is Kind.SUCCESS:
        asked = outcome.success and recipient.notify & Notify.SUCCESS
        return bool(asked or _ends_delay(recipient, outcome))
    return True


def _ends_delay(recipient: Recipient, outcome: RecordedOutcome) -> bool:
    return outcome.end_of_delay and _wants(recipient.notify, Notify.DELAY)


def _wants(notify: Notify, asked: Notify) -> bool:
    if notify == Notify.ABSENT:
        return asked is not Notify.SUCCESS
    return bool(notify & asked)


def _concerned(kind: Kind, recipient: Recipient, outcome: RecordedOutcome) -> Concerned:
    reason = outcome.reason
    if kind in (Kind.SUCCESS, Kind.TRACE) and outcome.relay != _NO_RELAY:
        reason = f"delivery via {outcome.relay}: {reason}"
    return Concerned(
        _final(recipient, outcome.address),
        _WORDS.get(kind) or _word(kind, outcome),
        outcome.dsn,
        reason,
        outcome.remote,
        outcome.reply,
    )


def _final(recipient: Recipient, address: str) -> Recipient:
    """Return the recipient as the one at the end of its expansion, if there was any."""
    if not address or address == recipient.address:
        return recipient
    original = recipient.original or recipient.address
    return msgspec.structs.replace(recipient, address=address, original=original)


def _word(kind: Kind, outcome: RecordedOutcome) -> str:
    """Return RFC 3464's word for an outcome, where the kind of notice does not say it."""
    if kind is Kind.TRACE and outcome.action != Action.SENT:
        return _WORDS[Kind.FAILURE if outcome.action == Action.BOUNCED else Kind.DELAY]
    # Who takes over to tell of the success was relayed to.
    return outcome.success or Success.RELAYED


def as_probe(concerned: Concerned) -> Concerned:
    """Return what is said of a recipient when nothing was to be delivered."""
    action = "deliverable" if concerned.dsn.startswith("2") else "undeliverable"
    return replace(concerned, action=action)


def _to_sender(kind: Kind, sender: str, told: tuple[Concerned, ...]) -> Letter:
    titles = {
        Kind.FAILURE: "sender non-delivery",
        Kind.DELAY: "sender delay",
        Kind.SUCCESS: "sender delivery status",
        Kind.TRACE: "sender delivery status",
    }
    return Letter(kind, "", sender, told, titles[kind], headers_only=kind is not Kind.FAILURE)


def _of_a_bounce(
    kind: Kind, everybody: tuple[Concerned, ...], postmaster: Postmaster
) -> tuple[Letter, ...]:
    if kind is not Kind.FAILURE or not postmaster.classes & {"bounce", "2bounce"}:
        return ()
    return (
        Letter(
            kind,
            postmaster.double_bounce_sender,
            postmaster.double_bounce,
            everybody,
            "postmaster non-delivery",
            to_postmaster=True,
        ),
    )


def _copy(kind: Kind, everybody: tuple[Concerned, ...], postmaster: Postmaster) -> Letter | None:
    if kind is Kind.FAILURE and "bounce" in postmaster.classes:
        recipient, title = postmaster.bounce, "postmaster non-delivery"
    elif kind is Kind.DELAY and "delay" in postmaster.classes:
        recipient, title = postmaster.delay, "postmaster delay"
    else:
        return None
    sender = postmaster.double_bounce_sender
    return Letter(kind, sender, recipient, everybody, title, to_postmaster=True, headers_only=True)
