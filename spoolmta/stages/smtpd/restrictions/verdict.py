"""What a restriction says of a request: a value, and what is to be done besides.

Postfix: SMTPD_ACCESS_README, access(5)
"""

from enum import Enum

import msgspec

from spoolmta.protocols.smtp_syntax import Reply


class Kind(Enum):
    """The ways to answer.

    DUNNO            the next restriction decides
    PERMIT           this list is through, the next list decides
    REJECT           the command is refused with the reply
    DEFER_IF_PERMIT  if it would be permitted in the end, it is refused with the reply instead
    DEFER_IF_REJECT  if it would be refused for good, it is refused with the reply instead
    DISCARD          the command is permitted, no other list is asked, the mail goes nowhere
    """

    DUNNO = "dunno"
    PERMIT = "permit"
    REJECT = "reject"
    DEFER_IF_PERMIT = "defer_if_permit"
    DEFER_IF_REJECT = "defer_if_reject"
    DISCARD = "discard"


class Effect(msgspec.Struct, frozen=True):
    """What an access action does to the message, or to the log.

    *action* is "hold", "discard", "redirect", "bcc", "prepend", "warn", "info", or "warning" for
    one to whoever runs the site; *value* is the address, header line, reason or text; *note* what
    the log says of the decision, None if it says nothing.
    """

    action: str
    value: str
    note: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """One restriction's answer.

    *is_fault*: the reply tells of a trouble of our own, which warn_if_reject does not soften.
    *restrictions* is an access(5) result that lists restrictions: they are asked in its place.
    """

    kind: Kind
    reply: Reply | None = None
    effect: Effect | None = None
    is_fault: bool = False
    restrictions: str = ""


DUNNO = Verdict(Kind.DUNNO)
PERMIT = Verdict(Kind.PERMIT)


def reject(reply: Reply) -> Verdict:
    """Return the verdict that refuses with *reply*."""
    return Verdict(Kind.REJECT, reply)


def fault(reply: Reply, error: Exception) -> Verdict:
    """Return the verdict that refuses with *reply* because of *error*, a trouble of our own."""
    return Verdict(Kind.REJECT, reply, Effect("warning", str(error)), is_fault=True)
