"""Standing rules on a running system, over restarts, and with processes that die in the middle."""

import json
import time
from pathlib import Path

import pytest

from spoolmta.service.crash import VARIABLE
from tests.support.mail_system import MailSystem, wait_for

SO = ("--because", "ticket 17")
TEXT = "Subject: hi\n\nhello\n"
SETTINGS = {"virtual_mailbox_maps": "static:all/"}
KINDS = ("held", "waiting", "elsewhere", "returned", "slow", "plain")


def rule(system: MailSystem, *words: str) -> None:
    system.run("spoolmta", "rule", *words, "--yes", *SO)


def send(system: MailSystem, kind: str) -> None:
    system.send(f"me@{kind}.example", ["alice@inbox.example"], TEXT)


def count(system: MailSystem, table: str, kind: str) -> int:
    question = f"SELECT count(*) FROM {table} JOIN message USING (message_id) WHERE sender = ?"
    found: int = system.read(question, f"me@{kind}.example")[0][0]
    return found


def arrived(system: MailSystem, kind: str) -> int:
    """Return how many messages of a kind alice has."""
    folder = system.queue / "mail" / "all" / "new"
    contents = [path.read_bytes() for path in folder.glob("*")]
    return sum(f"Return-Path: <me@{kind}.example>".encode() in one for one in contents)


def make_all(system: MailSystem) -> None:
    rule(system, "add", "hold", "--sender", "*@held.example")
    rule(system, "add", "suspend", "--sender", "*@waiting.example")
    rule(system, "add", "reroute", "--sender", "*@elsewhere.example", "--to", "discard:")
    rule(system, "add", "bounce", "--sender", "*@returned.example", "--text", "no such mail")
    rule(system, "add", "slow-down", "--sender", "*@slow.example", "--pause", "1s")


def deaths(system: MailSystem) -> int:
    return system.log().count("killed by signal 9")


def all_accounted_for(system: MailSystem) -> None:
    assert json.loads(system.run("spoolmta", "audit", "--json"))["violators"] == []


@pytest.mark.slow
def test_rules_bind_what_comes_to_a_running_system_and_survive_its_restart(tmp_path: Path) -> None:
    with MailSystem(tmp_path, SETTINGS) as system:
        make_all(system)
        for kind in KINDS:
            send(system, kind)
        wait_for(lambda: arrived(system, "plain") == 1, 30, "plain mail")
        wait_for(lambda: count(system, "hold", "held") == 1, 30, "held mail")
        wait_for(lambda: count(system, "deferred", "waiting") == 1, 30, "suspended mail")
        (waiting,) = system.read("SELECT queue_id FROM message WHERE sender = 'me@waiting.example'")
        (why,) = json.loads(system.run("spoolmta", "why", waiting[0], "--json"))["hindrances"]
        assert why["text"].endswith(": ticket 17")
        assert system.stop() == 0
        system.start()
        send(system, "held")
        send(system, "waiting")
        wait_for(lambda: count(system, "hold", "held") == 2, 30, "held mail after a restart")
        wait_for(lambda: count(system, "deferred", "waiting") == 2, 30, "suspended mail")
        system.wait_for_log("status=bounced (no such mail)")
        system.run("spoolmta", "rule", "remove", "1", "--release", *SO)
        program, *words = why["do"][0].replace('"..."', "over").split()
        system.run(program, *words)
        wait_for(lambda: arrived(system, "waiting") == 2, 30, "what was suspended")
        wait_for(lambda: arrived(system, "held") == 2, 30, "what was held")
        wait_for(lambda: arrived(system, "slow") == 1, 30, "slowed mail")
        assert (arrived(system, "elsewhere"), arrived(system, "returned")) == (0, 0)
        all_accounted_for(system)


@pytest.mark.slow
def test_a_rule_ends_at_its_time_while_the_system_runs_or_at_its_start(tmp_path: Path) -> None:
    with MailSystem(tmp_path, SETTINGS) as system:
        rule(system, "add", "suspend", "--sender", "*@waiting.example", "--for", "8s")
        send(system, "waiting")
        wait_for(lambda: count(system, "deferred", "waiting") == 1, 30, "suspended mail")
        wait_for(lambda: arrived(system, "waiting") == 1, 30, "its delivery at the end of the rule")
        rule(system, "add", "suspend", "--sender", "*@waiting.example", "--for", "5s")
        send(system, "waiting")
        wait_for(lambda: count(system, "deferred", "waiting") == 1, 30, "suspended mail")
        system.kill()
        time.sleep(5)
        system.start()
        wait_for(lambda: arrived(system, "waiting") == 2, 30, "its delivery after the start")
        ended = system.run("spoolmta", "rule", "list", "--all", "--json").splitlines()
        assert [json.loads(line)["ended_by"] for line in ended] == ["time", "time"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mail_is_bound_wholly_or_not_at_all_whatever_process_dies(tmp_path: Path) -> None:
    system = MailSystem(tmp_path, SETTINGS)
    with system:
        make_all(system)
        sent = 0
        for point in ("resolve.before_plan", "resolve.after_plan", "grant.after_grant"):
            system.kill()
            system.environment = {VARIABLE: f"{point}:3"}
            system.start()
            before = deaths(system)
            while deaths(system) == before:
                for kind in KINDS:
                    send(system, kind)
                sent += 1
        system.kill()
        system.environment = {}
        system.start()
        wait_for(lambda: arrived(system, "slow") == sent, 60, "slowed mail")
        wait_for(lambda: arrived(system, "plain") == sent, 30, "plain mail")
        wait_for(lambda: count(system, "hold", "held") == sent, 30, "held mail")
        wait_for(lambda: count(system, "deferred", "waiting") == sent, 30, "suspended mail")
        assert count(system, "bound", "held") == count(system, "bound", "waiting") == sent
        all_accounted_for(system)
        system.run("spoolmta", "rule", "remove", "1", "--release", *SO)
        system.run("spoolmta", "rule", "remove", "2", *SO)
        wait_for(lambda: arrived(system, "waiting") == sent, 30, "what was suspended")
        wait_for(lambda: arrived(system, "held") == sent, 30, "what was held")
        all_accounted_for(system)
