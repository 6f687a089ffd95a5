"""The comparison itself: it notices what differs, and cases that show nothing."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]


def test_what_differs_is_told_by_case() -> None:
    # Here, who is told that the headers name nobody is the user who called, and not the sender.
    site = Site(
        "a difference",
        cases=[
            mail("a@src.example", "b@far.example"),
            mail("a@src.example", "", "Subject: x\n\n", by="sendmail", options=["-t"]),
        ],
    )
    with pytest.raises(AssertionError) as told:
        agree(site)
    assert "-sendmail: 75: sendmail: fatal: a@src.example" in str(told.value)
    assert "+sendmail: 75: sendmail: fatal: root(0)" in str(told.value)
    assert "b@far.example" not in str(told.value)


def test_a_case_must_show_what_it_is_for() -> None:
    site = Site("no show", cases=[mail("a@src.example", "b@far.example", shows="by relay to")])
    with pytest.raises(AssertionError, match="Postfix does not show 'by relay to'"):
        agree(site)
