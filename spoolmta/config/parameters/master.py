"""Parameters of the master."""

from spoolmta.config.parameter import seconds
from spoolmta.config.parameters.common import CommonParameters


class MasterParameters(CommonParameters):
    """Start and stop of services."""

    drain_time_limit: float = seconds("10s", min=1)  # services that stop get this long to finish
