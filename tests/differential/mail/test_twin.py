"""The comparison itself: it notices what differs, and cases that show nothing."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]


def test_what_differs_is_told_by_case() -> None:
    # A full name that is not ASCII goes out encoded here, as in Postfix 3.11.
    site = Site(
        "a difference",
        cases=[
            mail("a@src.example", "b@far.example"),
            mail(
                "a@src.example", "c@far.example", "x\n", by="sendmail", options=["-F", "J\u00f6rg"]
            ),
        ],
    )
    with pytest.raises(AssertionError) as told:
        agree(site)
    assert "-    From: J\u00f6rg <a@src.example>" in str(told.value)
    assert "+    From: =?utf-8?B?SsO2cmc=?= <a@src.example>" in str(told.value)
    assert "b@far.example" not in str(told.value)


def test_a_case_must_show_what_it_is_for() -> None:
    site = Site("no show", cases=[mail("a@src.example", "b@far.example", shows="by relay to")])
    with pytest.raises(AssertionError, match="Postfix does not show 'by relay to'"):
        agree(site)
