"""What the scheduler has learnt outlives a kill -9: windows, dead marks, and pauses."""

import time
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.scripted_server import ScriptedServer

TEXT = "Subject: x\n\nx\n"
REST_SECONDS = 8.0
ROW = "SELECT window, success, failure, resting_until, dead_until, reason FROM destination"


def row(system: MailSystem, transport: str) -> tuple[object, ...] | None:
    """Return what the spool has of the only destination of a transport."""
    rows = system.read(f"{ROW} WHERE transport = ?", transport)
    return rows[0] if rows else None


def kill_and_restart(system: MailSystem) -> None:
    system.kill()
    system.start()


@pytest.mark.slow
def test_a_window_is_as_wide_after_a_kill_as_before(tmp_path: Path) -> None:
    with Gate() as gate:
        settings = {
            "relay_domains": "y.example",
            "relayhost": f"[127.0.0.1]:{gate.server.port}",
            "smtp_connection_cache_on_demand": "no",
        }
        with MailSystem(tmp_path, settings) as system:
            with system.client() as client:
                for number in range(40):
                    client.sendmail("a@x.example", [f"r{number}@y.example"], TEXT)
            # A success widens a window only as far as what is open keeps up with it.
            for sessions in range(5, 12):
                wait_for(lambda expected=sessions: gate.open == expected, 60, "sessions")
                gate.answer("s")
            wait_for(lambda: gate.open == 12, 60, "as many sessions as the window lets")
            wait_for(lambda: (row(system, "relay") or (0,))[0] == 12, 30, "the window in the spool")
            learnt = row(system, "relay")
            before = gate.server.connections
            kill_and_restart(system)
            wait_for(lambda: gate.server.connections - before >= 12, 30, "twelve sessions again")
            time.sleep(0.5)  # for those that should not come
            assert gate.server.connections - before == 12
            assert row(system, "relay") == learnt


@pytest.mark.slow
def test_a_dead_destination_is_dead_for_as_long_after_a_kill(tmp_path: Path) -> None:
    settings = {
        "relay_domains": "y.example",
        "relayhost": f"[127.0.0.1]:{free_port()}",
        "minimal_backoff_time": "1000s",
        "maximal_backoff_time": "4000s",
        "smtpd_data_restrictions": "check_client_access static:HOLD",
    }
    with MailSystem(tmp_path, settings) as system:
        # More failures than the window has places, and all of one queue: what a destination has
        # seen is forgotten when nothing waits for it, unless it is dead.
        for number in range(15):
            system.send("a@x.example", [f"r{number}@y.example"], TEXT)
        system.run("postsuper", "-H", "ALL")
        wait_for(lambda: (row(system, "relay") or (0,) * 5)[4], 60, "a dead mark")
        learnt = row(system, "relay")
        kill_and_restart(system)
        system.send("a@x.example", ["second@y.example"], TEXT)
        system.run("postsuper", "-H", "ALL")
        system.wait_for_log("to=<second@y.example>, relay=none")
        lines = system.log().splitlines()
        [told] = [line for line in lines if "to=<second@" in line and "status=" in line]
        assert "(delivery temporarily suspended: connect to 127.0.0.1" in told
        assert row(system, "relay") == learnt


@pytest.mark.slow
def test_a_pause_between_deliveries_goes_on_after_a_kill(tmp_path: Path) -> None:
    arrivals: list[float] = []

    def note(_: ScriptedServer) -> str:
        arrivals.append(time.time())
        return "250 2.0.0 Ok"

    with ScriptedServer({".": note}) as server:
        settings = {
            "relay_domains": "y.example",
            "relay_transport": f"slow:[127.0.0.1]:{server.port}",
            "slow_destination_rate_delay": f"{REST_SECONDS:g}s",
        }
        with MailSystem(tmp_path, settings, "slow unix - - n - - smtp\n") as system:
            for number in range(2):
                system.send("a@x.example", [f"r{number}@y.example"], TEXT)
            wait_for(lambda: row(system, "slow"), 20, "a pause")
            learnt = row(system, "slow")
            assert learnt is not None
            system.kill()
            assert len(arrivals) == 1, "the pause was over before the kill"
            system.start()
            system.wait_until_empty(REST_SECONDS + 30)
    assert len(arrivals) == 2
    assert arrivals[1] * 1e6 >= learnt[3]
    assert arrivals[1] - arrivals[0] >= REST_SECONDS
