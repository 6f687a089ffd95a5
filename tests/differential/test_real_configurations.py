"""Configurations of real sites: each loads, and every line of it is accounted for."""

from pathlib import Path

import pytest

from spoolmta.cli.check import findings
from spoolmta.config.accounting import State, accounts
from spoolmta.config.loader import load

SITES = Path(__file__).parents[3] / "shared" / "configs"
pytestmark = pytest.mark.skipif(not SITES.is_dir(), reason="no collection of real configurations")


def sites() -> list[str]:
    return sorted(p.name for p in SITES.iterdir() if p.is_dir()) if SITES.is_dir() else []


@pytest.mark.parametrize("site", sites())
def test_every_line_of_a_real_site_is_accounted_for(site: str) -> None:
    configuration = load(SITES / site)
    found = accounts(configuration)
    subjects = {account.subject for account in found}
    assert set(configuration.main.values) <= subjects
    assert {service.key for service in configuration.services} <= subjects
    for service in configuration.services:
        assert {f"{service.key}/{n}" for n in service.overrides if n != "service_name"} <= subjects
    assert all(account.reason for account in found if account.state is not State.IN_FORCE)


@pytest.mark.parametrize("site", sites())
def test_check_reads_a_real_site_to_its_end(site: str) -> None:
    assert findings(str(SITES / site))
