"""The destinations of a recipient that have the message, which the next try leaves out.

A recipient of several destinations waits as a whole if one of them must wait. What was delivered
until then is written down in the commit that says so, by a name that is the same at the next try.

Limits: what is delivered by an agent that dies before that commit gets the message again
Must not: cost a recipient of one destination anything
"""

from collections.abc import Iterable
from dataclasses import replace

from spoolmta.agents.local.recipient import (
    Ended,
    Expansion,
    Leaf,
    LocalRecipient,
    ToAddress,
    ToCommand,
    ToFile,
    ToTransport,
    ToUser,
)
from spoolmta.agents.result import Result
from spoolmta.message.outcome import Served, passed_name
from spoolmta.service.context import ServiceContext
from spoolmta.spool import outcomes


def served(number: int, leaves: Iterable[Leaf]) -> list[Served]:
    """Return that these destinations of recipient *number* have the message."""
    return [Served(number, _name(leaf)) for leaf in leaves if not isinstance(leaf, Ended)]


async def unserved(
    context: ServiceContext, message_id: int, number: int, expansion: Expansion
) -> Expansion:
    """Return an expansion without the destinations that have the message."""
    if len(expansion.leaves) < 2:
        return expansion
    done = await context.committer.run(lambda spool: outcomes.served(spool, message_id, number))
    if not done:
        return expansion
    left = tuple(
        leaf for leaf in expansion.leaves if isinstance(leaf, Ended) or _name(leaf) not in done
    )
    return replace(expansion, leaves=left or (_all_have_it(expansion.leaves[0].recipient),))


def _all_have_it(recipient: LocalRecipient) -> Ended:
    """Return the end of a recipient whose alias does not name any more what it waited for."""
    return Ended(recipient, Result("2.0.0", "delivered to all destinations before"))


def _name(leaf: ToUser | ToCommand | ToFile | ToAddress | ToTransport) -> str:
    to = leaf.recipient
    whose = to.rights.uid if to.rights else ""
    match leaf:
        case ToUser(_, user):
            return f"mailbox {user.name}"
        case ToCommand(_, line):
            return f"command {to.local} {whose} {line}"
        case ToFile(_, path):
            return f"file {whose} {path}"
        case ToAddress():
            return f"address {to.address.lower()}"
        case ToTransport():
            return passed_name(to.address)
