"""Whose mail a rule fits: the plain function, held against the selector of queued mail."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spoolmta.clock import ManualClock
from spoolmta.message.envelope import Client, Envelope, Recipient
from spoolmta.message.queue_id import format_queue_id
from spoolmta.spool import queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.queues import NewMessage
from spoolmta.spool.state import State
from spoolmta.spool.surgery import rules, selection
from spoolmta.spool.surgery.operations import Author
from spoolmta.spool.surgery.rule import (
    UNSLOWED,
    Action,
    Goal,
    Rule,
    Rules,
    Slowness,
    Source,
    Terms,
    fits,
    rule_of,
    slowed,
)
from spoolmta.spool.surgery.selection import Selector

BY = Author("carol", 1000)
NUMBERS = count(1)
WORDS = st.text(alphabet="abA*?[]^!-@.é\\", max_size=6)
PATTERNS = st.lists(WORDS | st.just("<>"), max_size=2).map(tuple)
ADDRESSES = st.builds("{}@{}".format, WORDS, WORDS)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spool]:
    folder: Path = tmp_path_factory.mktemp("rules")
    opened = Spool.open(folder / "spool.db", ManualClock(), create=True)
    yield opened
    opened.close()


def put(spool: Spool, source: Source, recipient: Recipient) -> int:
    number = next(NUMBERS)
    client = Client(
        name=source.client_name, address=source.client_address, sasl_username=source.sasl_username
    )
    envelope = Envelope(source.sender, (recipient,), client=client)
    with spool.transaction() as tx:
        message = NewMessage(number, format_queue_id(number), envelope, 1, (b"x",), 1.0)
        queues.enqueue(tx, State.INCOMING, message)
    return number


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    source=st.builds(Source, st.just("") | ADDRESSES, WORDS, WORDS, WORDS),
    address=ADDRESSES,
    original=ADDRESSES,
    selector=st.builds(
        Selector,
        sender=PATTERNS,
        client=PATTERNS,
        sasl_user=PATTERNS,
        recipient=PATTERNS,
        domain=PATTERNS,
        **dict.fromkeys(("states", "nexthop", "reason", "where"), st.just(())),
        arrived_before=st.none(),
    ),
)
@example(Source("a@b"), "a@b", "A@[b", Selector(recipient=("a@[*",)))
@example(Source(""), "a@b", "a@b", Selector(sender=("<>",)))
@example(Source("É@b"), "a@b", "a@b", Selector(sender=("é@B",)))
@example(Source("x@y", "", "192.0.2.1"), "a@b", "a@b", Selector(client=("192.0.2.?",)))
def test_a_rule_fits_the_mail_that_the_selector_finds_in_the_queue(
    spool: Spool, source: Source, address: str, original: str, selector: Selector
) -> None:
    number = put(spool, source, Recipient(address, original))
    found = number in selection.select(spool, selector).message_ids
    assert fits(selector, source, Goal(address, original, "relay.example")) == found


def test_the_next_hop_is_where_the_mail_would_go() -> None:
    goal = Goal("a@b.example", "a@b.example", "[Relay.Example]:25")
    assert fits(Selector(nexthop=("[relay.example]*",)), Source(""), goal)
    assert not fits(Selector(nexthop=("b.example",)), Source(""), goal)


def test_a_rule_comes_out_of_the_spool_as_it_went_in(spool: Spool) -> None:
    terms = Terms(
        Action.REROUTE,
        Selector(sender=("a@*", "<>"), nexthop=("x",)),
        transport="smtp",
        nexthop="[relay.example]",
        ends_at=2_000_000_000.0,
    )
    with spool.transaction() as tx:
        rule = rules.add(tx, terms, BY, "their MX is down")
    assert rules.find(spool, rule.rule_id) == rule
    assert rule in rules.in_force(spool).rules
    with spool.transaction() as tx:
        assert rules.end(tx, rule, "dave", "it is up")
        assert not rules.end(tx, rule, "dave", "it is up")
    ended = rules.find(spool, rule.rule_id)
    assert ended is not None
    assert (ended.ended_by, ended.ended_because) == ("dave", "it is up")
    assert rule.rule_id not in {one.rule_id for one in rules.in_force(spool).rules}


def test_the_generation_tells_which_rules_are_in_force(spool: Spool) -> None:
    def look() -> tuple[tuple[int | None, int], frozenset[int]]:
        found = rules.in_force(spool).rules
        return rules.generation(spool), frozenset(rule.rule_id for rule in found)

    seen, made = {look()}, []
    for _ in range(3):
        with spool.transaction() as tx:
            made.append(rules.add(tx, Terms(Action.HOLD, Selector(sender=("a",))), BY, "so"))
        seen.add(look())
    for rule in (made[1], made[2]):
        with spool.transaction() as tx:
            rules.end(tx, rule, "carol")
        seen.add(look())
    assert len({generation for generation, _ in seen}) == len({ids for _, ids in seen}) == len(seen)


def test_only_the_slowness_of_a_rule_for_it_counts(spool: Spool) -> None:
    slow = Terms(Action.SLOW_DOWN, Selector(sender=("a",)), slowness=Slowness(2, 1.5))
    with spool.transaction() as tx:
        rule = rules.add(tx, slow, BY, "so")
        other = rules.add(tx, Terms(Action.HOLD, Selector(sender=("a",))), BY, "so")
    assert rules.slowness(spool, slowed(rule, "example.com")) == Slowness(2, 1.5)
    for name in (slowed(other, "example.com"), "example.com", "rule:99:a", "rule:x:a", "rule:"):
        assert rules.slowness(spool, name) == UNSLOWED


@given(st.text(max_size=12))
def test_a_slowed_destination_tells_its_rule(destination: str) -> None:
    rule = Rule(17, Terms(Action.SLOW_DOWN, Selector()), "carol", 0, "so", 0.0)
    assert rule_of(slowed(rule, destination)) == 17


def test_the_latest_rule_of_an_action_comes_first_and_the_next_end_is_the_soonest() -> None:
    every = Selector(sender=("*",))
    made = [
        Rule(n, Terms(Action.REROUTE, every, "smtp", str(n), ends_at=end), "carol", 0, "so", 0.0)
        for n, end in ((1, 30.0), (3, None), (2, 20.0))
    ]
    found = Rules(tuple(made)).that_fits(Action.REROUTE, Source("a@b"), Goal("c@d", "c@d", "d"))
    assert found is made[1]
    assert Rules(tuple(made)).next_end == 20.0
    assert Rules().next_end is None
