"""The list of profiles, and that they run."""

from pathlib import Path

import pytest

from tests.support import postfix_oracle
from tests.support.mail_system import MailSystem
from tests.support.postfix_oracle import PostfixOracle
from tools.bench.disk import FolderDisk
from tools.bench.figures import Figures
from tools.bench.profiles import EVERY, PROFILES
from tools.bench.stand import Effort, Stand
from tools.bench.systems import SETTINGS, SYSTEMS, Spoolmta

# Where each system's files are, and who owns them.
OWN = {
    *("queue_directory", "data_directory", "maillog_file", "maillog_file_prefixes"),
    *("alias_database", "setgid_group", "virtual_mailbox_base"),
    *("virtual_uid_maps", "virtual_gid_maps", "virtual_minimum_uid"),
}


def measured(profile: str, system: str, messages: int) -> Figures:
    # Not below tmp_path: another user works there, and the path of a socket must be short.
    with FolderDisk(None).place() as place:
        stand = Stand(SYSTEMS[system], place, Effort(messages, quick=True))
        return PROFILES[profile].measure(stand)


def test_no_profile_is_named_like_all_of_them() -> None:
    assert EVERY not in PROFILES
    assert {name for profile in PROFILES.values() for name in profile.systems} == set(SYSTEMS)


@pytest.mark.root
def test_both_systems_have_the_same_main_cf(tmp_path: Path) -> None:
    assert postfix_oracle.is_installed()
    ours = MailSystem(tmp_path / "ours", SETTINGS).configuration
    theirs = PostfixOracle(tmp_path / "theirs", SETTINGS).configuration
    lines = [set((folder / "main.cf").read_text().splitlines()) for folder in (ours, theirs)]
    assert {line.split(" = ")[0] for line in lines[0] ^ lines[1]} <= OWN


@pytest.mark.slow
def test_a_rate_has_its_costs() -> None:
    figures = measured("relay", Spoolmta.name, 50)
    assert next(iter(figures)) == "relayed/s"
    assert figures["CPU s per 1,000"] > figures["  smtpd"] > 0
    assert figures["KiB written per message"] > 4
    assert figures["messages per commit"] > 0


@pytest.mark.root
@pytest.mark.slow
def test_each_promise_is_seen_after_its_sync() -> None:
    figures = measured("durability", Spoolmta.name, 3000)
    assert figures["promises, each after its sync"] == 60


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_an_operator_asks_a_deep_queue_and_takes_a_tenth_out_of_it(system: str) -> None:
    figures = measured("million", system, 50)
    assert figures["messages that wait"] == (5000 if system == Spoolmta.name else 100)
    assert all(value > 0 for value in figures.values()), figures
    assert {"hold a tenth, s", "release a tenth, s", "delete a tenth, s"} <= set(figures)
