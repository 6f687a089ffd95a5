"""Parameters of the connection cache.

Postfix: scache(8), CONNECTION_CACHE_README, postconf(5)
"""

from spoolmta.config.parameter import Section, seconds


class ConnectionCacheParameters(Section, without_meaning="each client keeps its own connections"):
    """How the shared cache works."""

    connection_cache_protocol_timeout: float = seconds("5s", min=1)  # patience with the cache
    connection_cache_status_update_time: float = seconds(
        "600s", min=1
    )  # how often its use is logged
    connection_cache_ttl_limit: float = seconds(
        "2s", min=1
    )  # longest time that a connection is kept
