"""The transport discard: mail is dropped as if it were delivered; the next hop says why.

Postfix:    discard(8)
"""

from spoolmta.agents import result
from spoolmta.agents.result import Result
from spoolmta.message.outcome import Delivery
from spoolmta.service.context import ServiceContext
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Report

_RELAY = "none"


def open_agent(context: ServiceContext) -> "DiscardAgent":
    """Return the agent."""
    return DiscardAgent(context)


class DiscardAgent:
    """Drops every recipient's mail."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    async def deliver(self, delivery: Delivery, content: Content) -> Report:  # noqa: ARG002
        """Return success with the next hop's text for every recipient; *content* is not read."""
        said = explain(delivery.nexthop)
        delays = result.delays(delivery, self._context.clock.now())
        return Report(
            tuple(result.outcome(said, r.number, _RELAY, delays) for r in delivery.recipients)
        )

    async def probe(self, delivery: Delivery, content: Content) -> Report:
        """Return the same: nothing is delivered anyway."""
        return await self.deliver(delivery, content)

    async def close(self) -> None:
        """Nothing is open."""


def explain(nexthop: str) -> Result:
    """Return what a next hop "2.x.x text", or text alone, says."""
    code, _, rest = nexthop.strip().partition(" ")
    parts = code.split(".")
    if len(parts) == 3 and parts[0] == "2" and all(p.isascii() and p.isdigit() for p in parts):
        return Result(code, rest.lstrip())
    return Result("2.0.0", nexthop.strip())
