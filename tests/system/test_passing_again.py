"""A local recipient, some of whose destinations must wait: the others get the mail once."""

from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.nemesis import CRASH_VARIABLE, KILLED
from tests.support.receiver import Receiver

TEXT = "Subject: once\r\n\r\nhello\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("point", ["", "deliver.after_accept", "report.after_report"])
def test_what_waits_at_another_transport_has_the_rest_forwarded_once(
    tmp_path: Path, point: str
) -> None:
    receiver = Receiver(tmp_path / "taken")
    settings = {
        "mydestination": "here.example, mx.test.example",
        "alias_maps": "inline:{ {all = later, one@far.example, soon} }",
        "fallback_transport_maps": "inline:{"
        f" {{later = smtp:[127.0.0.1]:{receiver.port}}}, {{soon = discard:gone}} }}",
        "relayhost": f"[127.0.0.1]:{free_port()}",
    }
    environment = {CRASH_VARIABLE: f"{point}:1"} if point else {}
    with MailSystem(tmp_path, settings, environment=environment) as system:
        system.send("me@src.example", ["all@here.example"], TEXT)
        if point:
            wait_for(lambda: KILLED.search(system.log()), 30, f"a death\n{system.log()}")
            system.kill()
            system.environment = {}
            system.start()
        wait_for(lambda: _passed(system, "later") >= 3, 25, f"two retries\n{system.log()}")
        with receiver:
            wait_for(
                lambda: _waiting(system) == {"one@far.example"}, 60, f"the late one\n{system.log()}"
            )
        assert receiver.taken() == {"later@mx.test.example": 1}
        assert system.read("SELECT count(*) FROM event WHERE detail ->> 'origin' = 'local'") == [
            (1,)
        ]
        assert system.read(
            "SELECT count(*) FROM event WHERE kind = 'sent' AND recipient LIKE 'soon@%'"
        ) == [(1,)]


@pytest.mark.slow
def test_a_failure_is_told_once_while_another_transport_makes_the_rest_wait(
    tmp_path: Path,
) -> None:
    settings = {
        "mydestination": "here.example, mx.test.example",
        "alias_maps": "inline:{ {all = later, nobody-of-us} }",
        "fallback_transport_maps": f"inline:{{ {{later = smtp:[127.0.0.1]:{free_port()}}} }}",
        "relayhost": f"[127.0.0.1]:{free_port()}",
    }
    with MailSystem(tmp_path, settings) as system:
        system.send("me@src.example", ["all@here.example"], TEXT)
        wait_for(lambda: _passed(system, "later") >= 3, 60, "two retries")
        assert system.read("SELECT count(*) FROM event WHERE kind = 'noticed'") == [(1,)]


def _passed(system: MailSystem, name: str) -> int:
    return system.log().count(f"passing <{name}@mx.test.example> to transport=smtp")


def _waiting(system: MailSystem) -> set[str]:
    return {one["address"] for message in system.queued() for one in message["recipients"]}
