from collections.abc import Callable

import pytest

from spoolmta.address.routing import Routing
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters

MAIN = """
compatibility_level = 3.11
myhostname = mail.example.com
mydomain = example.com
myorigin = example.com
mydestination = $myhostname, localhost, example.com
inet_interfaces = 127.0.0.1
recipient_delimiter = +
alias_maps =
local_recipient_maps =
"""


@pytest.fixture
def open_routing() -> Callable[..., Routing]:
    """Routing of a small site; keyword arguments are parameters of main.cf."""

    def opened(**settings: str) -> Routing:
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        return Routing.open(from_text(MAIN + lines).section(RoutingParameters))

    return opened
