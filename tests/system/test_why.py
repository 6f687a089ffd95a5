"""spoolmta why on a running system: a dead destination, a full window, a rest, a hold."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for

SENDER = "me@back.example"


@pytest.fixture
def silent() -> Iterator[int]:
    """Listen, and never greet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def system(tmp_path: Path, silent: int) -> Iterator[MailSystem]:
    routes = {
        "dead.example": f"smtp:[127.0.0.1]:{free_port()}",
        "silent.example": f"smtp:[127.0.0.1]:{silent}",
        "paced.example": "discard:",
    }
    settings = {
        "transport_maps": "inline:{" + ", ".join(f"{{{k} = {v}}}" for k, v in routes.items()) + "}",
        "initial_destination_concurrency": "1",
        "minimal_backoff_time": "400s",
        "maximal_backoff_time": "800s",
        "discard_destination_rate_delay": "500s",
    }
    with MailSystem(tmp_path, settings) as system:
        yield system


def test_the_real_cause_is_told_of_each_message(system: MailSystem) -> None:
    for domain in ("dead", "silent", "silent", "paced", "paced"):
        system.send(SENDER, [f"b@{domain}.example"], "Subject: hi\n\nhello\n")
    dead = first(system, "b@dead.example", "not due", "dead destination")
    assert dead["dead destination"]["text"].endswith("Connection refused")
    assert 300 < dead["dead destination"]["until"] - dead["since"] <= 401
    assert (
        dead["dead destination"]["until"]
        == system.read("SELECT dead_until / 1e6 FROM destination WHERE dead_until > 0")[0][0]
    )
    window = first(system, "b@silent.example", "window")
    assert "is full: 1 of 1 under way" in window["window"]["text"]
    paced = first(system, "b@paced.example", "rate delay")
    assert 400 < paced["rate delay"]["until"] - paced["since"] <= 501
    assert paced["rate delay"]["do"] == ["postconf discard_destination_rate_delay"]
    hold(system, window["queue_id"])


def hold(system: MailSystem, queue_id: str) -> None:
    """What is held says so, and is let go by the command that is told."""
    system.run("spoolmta", "queue", "hold", queue_id)
    answer = why(system, queue_id)
    assert list(answer) == ["queue_id", "since", "hold"]
    (command,) = answer["hold"]["do"]
    program, *arguments = command.split()
    system.run(program, *arguments)
    assert "hold" not in why(system, queue_id)


def first(system: MailSystem, address: str, *kinds: str) -> dict[str, Any]:
    """Return what is told of a message for *address* as soon as it is told all of *kinds*."""

    def told() -> dict[str, Any] | None:
        answers = (why(system, queue_id) for queue_id in waiting(system, address))
        return next((answer for answer in answers if set(kinds) <= set(answer)), None)

    answer: dict[str, Any] = wait_for(told, 30, f"{kinds} of {address}")
    return answer


def why(system: MailSystem, queue_id: str) -> dict[str, Any]:
    """Return the hindrances of a message by their kinds, and since when it is where it is."""
    answer = json.loads(system.run("spoolmta", "why", queue_id, "--json"))
    whole = {name: answer[name] for name in ("queue_id", "since")}
    return whole | {h["kind"]: h for h in answer["hindrances"]}


def waiting(system: MailSystem, address: str) -> list[str]:
    """Return the messages that are in the queue for *address*."""
    question = "SELECT queue_id FROM message JOIN recipient USING (message_id) WHERE address = ?"
    return [row[0] for row in system.read(f"{question} ORDER BY message_id", address)]
