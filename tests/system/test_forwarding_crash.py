"""Forwarded mail is a new message in the commit that ends the original: never none, never two."""

from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.nemesis import CRASH_VARIABLE, KILLED

SMALL = "Subject: small\r\n\r\nhello\r\n"
LARGE = "Subject: large\r\n\r\n" + ("x" * 70 + "\r\n") * 40_000
FORWARDED = "SELECT count(*) FROM event WHERE kind = 'accepted' AND detail ->> 'origin' = 'local'"


@pytest.mark.parametrize("text", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    "point", ["deliver.after_claim", "deliver.after_accept", "report.after_report"]
)
def test_a_killed_agent_forwards_once(tmp_path: Path, point: str, text: str) -> None:
    settings = {
        "mydestination": "here.example",
        "alias_maps": "inline:{ {all = one@far.example, two@far.example} }",
        "relayhost": f"[127.0.0.1]:{free_port()}",
    }
    with MailSystem(tmp_path, settings, environment={CRASH_VARIABLE: f"{point}:1"}) as system:
        system.send("me@src.example", ["all@here.example"], text)
        wait_for(lambda: _deaths(system), 30, f"a death at {point}\n{system.log()}")
        system.kill()
        system.environment = {}
        system.start()
        wait_for(lambda: _waiting(system) == ["deferred"] * 2, 30, f"both wait\n{system.log()}")
        assert system.read(FORWARDED) == [(1,)]
        assert {one["sender"] for one in system.queued()} == {"me@src.example"}
        wait_for(
            lambda: system.read("SELECT * FROM upload") == [], 30, "no piece without a message"
        )


def _deaths(system: MailSystem) -> list[str]:
    return [match for match in KILLED.findall(system.log()) if "local" in match]


def _waiting(system: MailSystem) -> list[str]:
    """Return the state of each recipient at the other end of the alias; fail if another one is."""
    states = []
    for message in system.queued():
        for recipient in message["recipients"]:
            assert recipient["address"] in {
                "all@here.example",
                "one@far.example",
                "two@far.example",
            }
            states.append(message["queue_name"])
    return states
