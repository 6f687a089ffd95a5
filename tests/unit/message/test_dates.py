import email.utils
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.dates import mail_date, mailbox_date


@pytest.fixture
def zone(set_time_zone: Callable[[str], None], request: pytest.FixtureRequest) -> None:
    set_time_zone(request.param)


@pytest.mark.parametrize(
    ("zone", "printed"),
    [
        ("UTC0", "Thu, 01 Jan 1970 00:00:00 +0000 (UTC)"),
        ("EST5", "Wed, 31 Dec 1969 19:00:00 -0500 (EST)"),
        ("IST-5:30", "Thu, 01 Jan 1970 05:30:00 +0530 (IST)"),
        ("NST3:30", "Wed, 31 Dec 1969 20:30:00 -0330 (NST)"),
    ],
    indirect=["zone"],
)
def test_a_date_is_printed_in_local_time(zone: None, printed: str) -> None:
    assert mail_date(0.9) == printed


@pytest.mark.parametrize("zone", ["CET-1CEST,M3.5.0,M10.5.0/3"], indirect=True)
def test_summer_has_its_own_offset(zone: None) -> None:
    assert mail_date(1_780_000_000).endswith("+0200 (CEST)")
    assert mail_date(1_795_536_054).endswith("+0100 (CET)")


@pytest.mark.parametrize("zone", ["UTC0"], indirect=True)
def test_an_mbox_date_has_no_zone(zone: None) -> None:
    assert mailbox_date(1_795_536_054) == "Tue Nov 24 16:00:54 2026"


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_a_date_can_be_read_back(second: int) -> None:
    assert email.utils.parsedate_to_datetime(mail_date(second)).timestamp() == second
