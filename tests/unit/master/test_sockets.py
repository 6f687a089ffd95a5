"""Where inet services listen."""

import socket
from pathlib import Path

import pytest

from spoolmta.config.master_cf import Service
from spoolmta.errors import ConfigError
from spoolmta.master.sockets import Addresses, listen
from tests.support.mail_system import free_port


def bound(name: str, interfaces: str = "all", **ports: int) -> list[tuple[str, int]]:
    service = Service(name=name, kind="inet", command="smtpd", private=False, line=3)
    listening = listen(service, Addresses(interfaces, "ipv4", ports), Path("/nowhere"))
    found = [listener.getsockname()[:2] for listener in listening]
    for listener in listening:
        listener.close()
    return found


def test_a_host_before_the_port_is_where_the_service_listens() -> None:
    port = free_port()
    assert bound(f"127.0.0.1:{port}") == [("127.0.0.1", port)]
    assert bound(f"[127.0.0.1]:{port}") == [("127.0.0.1", port)]
    assert bound(f"localhost:{port}") == [("127.0.0.1", port)]


def test_without_a_host_it_is_every_address_of_inet_interfaces_once() -> None:
    port = free_port()
    assert bound(str(port), "127.0.0.1, localhost 127.0.0.2") == [
        ("127.0.0.1", port),
        ("127.0.0.2", port),
    ]
    assert bound(str(port), "loopback-only") == [("127.0.0.1", port)]
    assert bound(str(port)) == [("0.0.0.0", port)]


def test_a_port_may_have_a_name_that_known_tcp_ports_tells() -> None:
    port = free_port()
    assert bound("127.0.0.1:submissions", submissions=port) == [("127.0.0.1", port)]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("127.0.0.1:no-such-port", "unknown service: no-such-port/tcp"),
        ("127.0.0.1:99999", "bad network port: 99999"),
        ("no-such-host.invalid:2525", "no address for host no-such-host.invalid"),
    ],
)
def test_an_address_that_is_none_is_told_with_file_and_line(name: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(name)
    assert str(caught.value).startswith(f"master.cf, line 3: service {name}: {complaint}")


def test_an_address_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot bind 127.0.0.1, port {port}: Address"):
            bound(f"127.0.0.1:{port}")
