import pytest

from spoolmta.config.loader import from_text
from spoolmta.errors import ConfigError


def networks(inet_interfaces: str) -> list[str]:
    main = f"mynetworks_style = host\ninet_protocols = ipv4\ninet_interfaces = {inet_interfaces}\n"
    return from_text(main).value("mynetworks").split()


def test_a_host_name_in_inet_interfaces_means_its_addresses() -> None:
    assert networks("localhost") == networks("127.0.0.1") == ["127.0.0.1/32"]


def test_an_address_that_no_interface_has_gives_no_network() -> None:
    assert networks("192.0.2.200") == []


@pytest.mark.parametrize("name", ["nosuch.invalid", "a\0b", "x" * 300, "é" * 70])
def test_a_host_name_without_address_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="config variable inet_interfaces: host not found: "):
        networks(name)
