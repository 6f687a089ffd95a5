"""Which recipients of mail that passed cleanup again go the way that an operator gave to one.

Tables may have rewritten the recipient, or expanded it. A way is one for a domain's mail: what has
become of the recipient goes it as long as it is in the same domain. What is now somewhere else
goes where its own tables say; the other's server would most likely refuse it.
"""

from collections.abc import Sequence

from spoolmta.address.parts import domain_of
from spoolmta.message.envelope import Recipient
from spoolmta.spool.surgery.ways import Heirs


def heirs_of(given: str, became: Sequence[Recipient], recipients: Sequence[Recipient]) -> Heirs:
    """Return the heirs of the address *given*, which *became* some of a message's *recipients*.

    A duplicate was dropped for the sake of one that differs in how it came here.
    """
    addresses = {recipient.address.lower() for recipient in became}
    same = [number for number, recipient in enumerate(recipients) if recipient in became]
    missing = addresses.difference(recipients[number].address.lower() for number in same)
    like = [n for n, recipient in enumerate(recipients) if recipient.address.lower() in missing]
    at_home = {n for n in (*same, *like) if _domain(recipients[n].address) == _domain(given)}
    strangers = {recipients[number].address for number in (*same, *like) if number not in at_home}
    return Heirs(sorted(at_home), sorted(strangers))


def _domain(address: str) -> str:
    return domain_of(address).lower()
