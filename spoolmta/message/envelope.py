"""The envelope: what the spool keeps of a message beside its content. Frozen values.

Addresses are text without <>, in internal form (unquoted, as Postfix keeps them in a queue file);
"" is the null sender. ESMTP DSN values are those of RFC 3461, already decoded from xtext unless
said otherwise.
"""

from enum import IntFlag, StrEnum

import msgspec


class Notify(IntFlag):
    """NOTIFY= of RFC 3461, 4.1; ABSENT means that the client did not say."""

    ABSENT = 0
    NEVER = 1
    SUCCESS = 2
    FAILURE = 4
    DELAY = 8


class Trace(StrEnum):
    """Which report the sender asked for, beside the notices of RFC 3461.

    VERIFY  of what would happen to the message; nothing is delivered (sendmail -bv)
    REPORT  of the first delivery attempt (sendmail -v)
    """

    NONE = ""
    VERIFY = "verify"
    REPORT = "report"


class Recipient(msgspec.Struct, frozen=True):
    """One recipient of a message.

    *original* is the address as it was received, before aliases; *orcpt* is RFC 3461's
    original recipient, type and address ("rfc822;user@example.com"), decoded; "" if there is none.
    One that *was_expanded* is an alias whose members are recipients of their own: nothing is left
    to do for it but to tell the sender so.
    """

    address: str
    original: str = ""
    orcpt: str = ""
    notify: Notify = Notify.ABSENT
    was_expanded: bool = False


class Client(msgspec.Struct, frozen=True):
    """Who handed the message in, as far as it is known. Empty text means unknown.

    *name* is the verified name ("unknown" if it did not verify), *protocol* "SMTP" or "ESMTP";
    a message from sendmail(1) or from spoolmta itself has no address and no protocol.
    """

    name: str = ""
    reverse_name: str = ""
    address: str = ""
    port: int = 0
    helo: str = ""
    protocol: str = ""
    sasl_method: str = ""
    sasl_username: str = ""
    sasl_sender: str = ""

    @property
    def is_local(self) -> bool:
        """True if the message did not come over SMTP."""
        return not self.protocol


class Envelope(msgspec.Struct, frozen=True):
    """A message without its content, as a stage hands it to the spool.

    *origin* tells who made it: "smtpd", "sendmail", "bounce", "notify" (to the postmaster, of a
    session), "local" (forwarded).
    *uid* is the submitting user of a local message. *ret* is "FULL", "HDRS" or "".
    *encoding* is what the submitter called it, "7bit" or "8bit" (BODY=8BITMIME), "" if he did not.
    """

    sender: str
    recipients: tuple[Recipient, ...]
    origin: str = "smtpd"
    client: Client = Client()
    uid: int | None = None
    envid: str = ""
    ret: str = ""
    encoding: str = ""
    smtputf8: bool = False
    full_name: str = ""
    trace: Trace = Trace.NONE
