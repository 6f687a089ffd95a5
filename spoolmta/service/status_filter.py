"""What main.cf makes of the answers of a delivery agent: other status codes, and nothing final.

Postfix:    postconf(5) default_delivery_status_filter, soft_bounce
Parameters: default_delivery_status_filter, those of the agents, soft_bounce
Must not:   make a success of a failure, or the reverse
"""

import re
from typing import NamedTuple

import msgspec

from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.parameters.status import StatusParameters
from spoolmta.errors import MapUnavailable
from spoolmta.maillog import MailLog
from spoolmta.maps import Maps, open_maps
from spoolmta.message.outcome import Action, Outcome
from spoolmta.service.context import ServiceContext

_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+(.*))?", re.DOTALL)
_ACTIONS = {"2": Action.SENT, "4": Action.DEFERRED, "5": Action.BOUNCED}


class Judged(NamedTuple):
    """An answer as it counts; *is_softened*: it was final, and soft_bounce makes it wait."""

    dsn: str
    reason: str
    is_softened: bool = False


class StatusFilter:
    """The filter of one agent."""

    def __init__(self, name: str, maps: Maps, log: MailLog, *, soft_bounce: bool) -> None:
        """*name* is the parameter that names the tables."""
        self._name = name
        self._maps = maps
        self._log = log
        self._soft_bounce = soft_bounce

    async def judge(self, dsn: str, reason: str, *, probe: bool = False) -> Judged:
        """Return an answer as it counts. A table that is no help changes nothing."""
        if self._maps:
            dsn, reason = await self._filtered(dsn, reason)
        if self._soft_bounce and dsn[0] == "5" and not probe:
            return Judged("4" + dsn[1:], reason, is_softened=True)
        return Judged(dsn, reason)

    async def outcome(self, outcome: Outcome, *, probe: bool = False) -> Outcome:
        """Return an outcome as it counts."""
        dsn, reason, is_softened = await self.judge(outcome.dsn, outcome.reason, probe=probe)
        if dsn == outcome.dsn and reason == outcome.reason:
            return outcome
        return msgspec.structs.replace(
            outcome, action=_ACTIONS[dsn[0]], dsn=dsn, reason=reason, is_softened=is_softened
        )

    async def _filtered(self, dsn: str, reason: str) -> tuple[str, str]:
        key = f"{dsn} {reason}"
        try:
            value = await self._maps.lookup(key)
        except MapUnavailable as error:
            self._log.warning(str(error))
            return dsn, reason
        if value is None:
            return dsn, reason
        found = _STATUS.fullmatch(value)
        if found is None or (found[1][0] == "2") != (dsn[0] == "2"):
            self._log.warning(f"{self._name}: bad status code: {value}")
            return dsn, reason
        return found[1], found[2] or reason


def open_status_filter(context: ServiceContext) -> StatusFilter | None:
    """Return the filter of a service's agent; None if it would change nothing.

    Raises ConfigError: a table cannot be opened.
    """
    parameters = context.section(StatusParameters)
    tables = {
        "local": parameters.local_delivery_status_filter,
        "virtual": parameters.virtual_delivery_status_filter,
        "pipe": parameters.pipe_delivery_status_filter,
        "smtp": parameters.smtp_delivery_status_filter,
        "lmtp": parameters.lmtp_delivery_status_filter,
    }.get(context.service.command, "")
    soft_bounce = context.section(CommonParameters).soft_bounce
    if not tables.strip() and not soft_bounce:
        return None
    name = f"{context.service.command}_delivery_status_filter"
    return StatusFilter(name, open_maps(tables), context.log, soft_bounce=soft_bounce)
