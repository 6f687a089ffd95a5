"""The transports error and retry: the next hop says why the mail is returned or must wait.

Service "retry" in master.cf (or one whose name begins so) defers, every other one bounces. The
next hop is "5.1.1 text", or text alone.

Postfix:    error(8)
"""

from spoolmta.agents import result
from spoolmta.agents.command import split_dsn
from spoolmta.agents.result import Result
from spoolmta.message.outcome import Delivery
from spoolmta.service.context import ServiceContext
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Report

RETRY = "retry"

_RELAY = "none"


def open_agent(context: ServiceContext) -> "ErrorAgent":
    """Return the agent of the service that *context* is of."""
    return ErrorAgent(context, defers=context.service.name == RETRY)


class ErrorAgent:
    """Bounces or defers every recipient."""

    def __init__(self, context: ServiceContext, *, defers: bool) -> None:
        """*defers*: this is the service "retry"."""
        self._context = context
        self._digit = "4" if defers else "5"

    async def deliver(self, delivery: Delivery, content: Content) -> Report:  # noqa: ARG002
        """Return the next hop's text as the outcome of every recipient; *content* is not read."""
        said = explain(delivery.nexthop, self._digit)
        delays = result.delays(delivery, self._context.clock.now())
        return Report(
            tuple(result.outcome(said, r.number, _RELAY, delays) for r in delivery.recipients)
        )

    async def probe(self, delivery: Delivery, content: Content) -> Report:
        """Return the same: nothing is delivered anyway."""
        return await self.deliver(delivery, content)

    async def close(self) -> None:
        """Nothing is open."""


def explain(nexthop: str, digit: str) -> Result:
    """Return what a next hop says; a status code of another class than *digit* says nothing."""
    code, text = split_dsn(nexthop.strip())
    return Result(code if code and code[0] == digit else f"{digit}.0.0", text)
