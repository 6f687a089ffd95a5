"""Parameters of tables that are named with "proxy:".

Postfix: proxymap(8), postconf(5)
"""

from spoolmta.config import catalogue
from spoolmta.config.parameter import Section, text


class ProxymapParameters(Section):
    """Which tables may be opened so."""

    proxy_read_maps: str = text(
        catalogue.known()["proxy_read_maps"]
    )  # lists that name the tables which "proxy:" may open
