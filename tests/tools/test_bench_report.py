"""The report: medians, spread, and ratios within pairs."""

import json

from tools.bench.measure import Comparison, Run
from tools.bench.profiles import PROFILES
from tools.bench.report import Spread, as_json, has_room, ratio, spread, table

RATE = "relayed/s"


def comparison(ours: list[float], theirs: list[float], limit: float | None = 5000) -> Comparison:
    runs = [Run("spoolmta", pair, {RATE: rate}) for pair, rate in enumerate(ours)]
    runs += [Run("postfix", pair, {RATE: rate}) for pair, rate in enumerate(theirs)]
    return Comparison(PROFILES["relay"], limit, tuple(runs))


def test_a_ratio_is_taken_within_each_pair() -> None:
    drifting = comparison([1000, 2000, 4000], [500, 500, 2000])
    assert ratio(drifting, RATE) == Spread(2, 2, 4)
    assert spread(drifting, RATE, "postfix") == Spread(500, 500, 2000)


def test_without_postfix_there_is_no_ratio() -> None:
    alone = comparison([1000, 1100], [])
    assert ratio(alone, RATE) is None
    assert "ratio" not in table(alone)


def test_peers_that_are_not_twice_as_fast_are_told() -> None:
    assert "enough" in table(comparison([2000], [500], limit=4000))
    assert "TOO LITTLE" in table(comparison([2000], [500], limit=3999))
    assert has_room(comparison([2000], [500], limit=None)) is None


def test_a_figure_that_one_system_lacks_leaves_a_gap() -> None:
    runs = (
        Run("spoolmta", 0, {RATE: 1000, "messages per commit": 4}),
        Run("postfix", 0, {RATE: 500, "cleanup": 0.3}),
    )
    lines = table(Comparison(PROFILES["relay"], None, runs)).splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["2.00", "4.00", "0.300"]


def test_json_has_every_run() -> None:
    plain = json.loads(json.dumps(as_json([comparison([1000, 3000], [500, 1000])], {"pairs": 2})))
    relay = plain["profiles"]["relay"]
    assert relay["figures"][RATE]["ratio"] == {"median": 2.5, "least": 2, "most": 3}
    assert [run["figures"][RATE] for run in relay["runs"]] == [1000, 3000, 500, 1000]
    assert plain["about"] == {"pairs": 2}
