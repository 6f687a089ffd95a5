"""A message with 100,000 recipients holds up nobody: real processes, a real receiver."""

import time
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, wait_for
from tests.support.scripted_server import ScriptedServer

RECIPIENTS = 100_000
SETTINGS = {
    "relay_domains": "many.example, one.example",
    "smtpd_recipient_limit": "200000",
    "queue_minfree": "0",
    "default_destination_recipient_limit": "50",
}


def take_a_moment(_: ScriptedServer) -> str:
    time.sleep(0.05)
    return "250 2.0.0 Ok: queued as TEST"


def hand_in(system: MailSystem) -> None:
    text = b"Subject: to very many\n\nhello\n"
    people = [f"r{number}@many.example" for number in range(RECIPIENTS)]
    with system.client() as client:
        client.putcmd("EHLO client.example")
        client.getreply()
        assert client.mail("news@x.example")[0] == 250
        for start in range(0, len(people), 1000):
            part = people[start : start + 1000]
            client.send("".join(f"RCPT TO:<{address}>\r\n" for address in part))
            assert {client.getreply()[0] for _ in part} == {250}
        assert client.data(text)[0] == 250


def waits_of_single_messages(
    system: MailSystem, server: ScriptedServer, name: str, count: int
) -> list[float]:
    """Send messages to one recipient each, one after the other; return how long each took."""
    waits = []
    for number in range(count):
        address = f"{name}{number}@one.example"
        begun = time.monotonic()
        system.send("a@x.example", [address], "Subject: one\n\nhello\n")
        wait_for(
            lambda a=address: any(m.recipients == [a] for m in list(server.messages)),
            30,
            f"the message to {address}",
        )
        waits.append(time.monotonic() - begun)
    return sorted(waits)


@pytest.mark.slow
@pytest.mark.alone
def test_a_message_to_100000_delays_one_to_a_single_recipient_by_no_more_than_a_second(
    tmp_path: Path,
) -> None:
    with ScriptedServer({".": take_a_moment}) as server:
        settings = {**SETTINGS, "relayhost": f"[127.0.0.1]:{server.port}"}
        with MailSystem(tmp_path, settings, executed=True) as system:
            usual = waits_of_single_messages(system, server, "before", 5)[-1]
            hand_in(system)
            waits = waits_of_single_messages(system, server, "beside", 20)
            left = system.read("SELECT count(*) FROM message")[0][0]
            assert left, "the large message was gone before the others came"
            # The machine may be busy with something else for a moment.
            assert waits[-3] <= usual + 1.0, waits
            wait_for(
                lambda: sum(len(m.recipients) for m in list(server.messages)) >= RECIPIENTS + 25,
                240,
                "everybody's mail",
            )
            everybody = [a for m in server.messages for a in m.recipients]
            assert len(set(everybody)) == len(everybody) == RECIPIENTS + 25
