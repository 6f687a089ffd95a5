"""Mailboxes that another transport delivers to.

Postfix:    local/mailbox.c, unknown.c; local(8) "DELIVERY METHOD CONTROLS"
Parameters: mailbox_transport_maps, mailbox_transport, fallback_transport_maps, fallback_transport
"""

from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maps import Maps, open_maps


class Transports:
    """Chooses transports by the name of a user; one per process."""

    def __init__(self, parameters: LocalParameters) -> None:
        """Open the tables.

        Raises ConfigError: a table cannot be opened.
        """
        self.mailbox_transport_maps = open_maps(
            parameters.mailbox_transport_maps, substitution=False
        )
        self._mailbox = parameters.mailbox_transport.strip()
        self.fallback_transport_maps = open_maps(
            parameters.fallback_transport_maps, substitution=False
        )
        self._fallback = parameters.fallback_transport.strip()

    async def of_mailbox(self, user: str) -> str:
        """Return who delivers to the mailbox of *user*, whether there is such a user or not.

        "" if this transport does. Raises MapUnavailable: defer.
        """
        return await _choose(self.mailbox_transport_maps, self._mailbox, user)

    async def of_unknown(self, user: str) -> str:
        """Return who delivers to a name that is neither alias nor user; "" for nobody.

        Raises MapUnavailable: defer.
        """
        return await _choose(self.fallback_transport_maps, self._fallback, user)


async def _choose(maps: Maps, otherwise: str, user: str) -> str:
    return (await maps.lookup(user) if maps else None) or otherwise
