"""Destinations: by what the scheduler counts deliveries, and how many recipients one takes.

Postfix:    qmgr(8), postconf(5) default_destination_recipient_limit
Parameters: transport_destination_recipient_limit
"""

from spoolmta.address.parts import split_address
from spoolmta.config.loader import Configuration


class Destinations:
    """The destinations of every transport; one per process."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._recipient_limits: dict[str, int] = {}

    def name(self, transport: str, nexthop: str, recipient: str) -> str:
        """Return what the scheduler counts: the next hop, or each recipient for itself."""
        if self.recipient_limit(transport) == 1:
            local, _ = split_address(recipient)
            return f"{local}@{nexthop}".lower()
        return nexthop.lower()

    def recipient_limit(self, transport: str) -> int:
        """Return how many recipients a delivery by *transport* may have; 0 is any number.

        Raises ConfigError: the limit is no number.
        """
        limit = self._recipient_limits.get(transport)
        if limit is None:
            limit = self._configuration.transport_number(transport, "_destination_recipient_limit")
            self._recipient_limits[transport] = limit
        return limit
