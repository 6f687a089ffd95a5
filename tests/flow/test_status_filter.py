"""What main.cf makes of answers, from the log's point of view."""

import pytest

from tests.flow.conftest import MakeMta


@pytest.mark.parametrize("result", ["rubbish", "2.0", "4.0.0 later", "5.1.1 gone", "6.0.0 no"])
def test_a_bad_result_of_a_filter_is_warned_of_and_changes_nothing(
    make_mta: MakeMta, result: str
) -> None:
    mta = make_mta(default_delivery_status_filter=f"static:{{{result}}}")
    mta.submit("a@y.example", ["bob@inbox.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    assert f"warning: virtual_delivery_status_filter: bad status code: {result}\n" in mta.log()
    assert "dsn=2.0.0, status=sent (delivered to maildir)" in mta.log()


def test_with_soft_bounce_what_would_be_returned_waits(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="inline:{{gone.example=error:5.1.2 no}}", soft_bounce="yes")
    mta.submit("a@y.example", ["b@gone.example", "no-such@inbox.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.log().count("status=SOFTBOUNCE") == 2
    mta.restart(soft_bounce="no")
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert mta.log().count("status=bounced") >= 1
