"""Questions to a spool with a message in every state."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import queues
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.questions import inspect, listing, shape
from spoolmta.spool.questions.question import ask
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, expiry
from tests.support.sample_spool import TIMED_OUT, SampleSpool

NAMES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def test_states_are_counted_in_the_order_of_the_way(sample: SampleSpool) -> None:
    states = inspect.states(sample.spool)
    assert [(s.state, s.messages) for s in states] == [(name, 1) for name in NAMES]
    assert states[3].oldest_at == pytest.approx(sample.start + 60.75)


def test_an_empty_state_has_no_oldest_message(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        queues.remove(tx, State.HOLD, [sample.number("hold")])
    assert inspect.states(sample.spool)[4] == inspect.StateSummary("hold", 0, None)


def test_a_walk_through_a_state_goes_on_page_by_page(sample: SampleSpool) -> None:
    for _ in range(inspect.PAGE + 5):
        sample.enqueue("more", State.HOLD, Envelope("a@b.example", (Recipient("c@d.example"),)))
    pages = list(inspect.pages(sample.spool, (State.HOLD,)))
    assert [len(page) for page in pages] == [inspect.PAGE, 6]
    ids = [number for page in pages for number in page]
    assert ids == sorted(set(ids))


def test_an_entry_counts_recipients_and_says_why_it_waits(sample: SampleSpool) -> None:
    entry = inspect.find(sample.spool, sample.ids["deferred"])
    assert entry is not None
    assert (entry.state, entry.recipients, entry.waiting) == ("deferred", 2, 1)
    assert (entry.reason, entry.next_try_at) == (TIMED_OUT, sample.start + 7200)
    assert entry.first_recipient == "bob@slow.example"


@pytest.mark.parametrize("name", ["gone", "NONE", ""])
def test_what_is_not_in_the_queue_is_not_found(sample: SampleSpool, name: str) -> None:
    assert inspect.find(sample.spool, sample.ids.get(name, name)) is None


def test_a_listing_shows_who_waits_tried_ones_first(sample: SampleSpool) -> None:
    _, (message,) = listing.listed(sample.spool, State.DEFERRED, 0, null_recipient="MAILER-DAEMON")
    assert [(r.address, r.reason) for r in message.recipients] == [("bob@slow.example", TIMED_OUT)]
    assert (message.queue_name, message.queue_id) == ("deferred", sample.ids["deferred"])


def test_the_null_sender_is_listed_under_another_name(sample: SampleSpool) -> None:
    _, (message,) = listing.listed(sample.spool, State.INCOMING, 0, null_recipient="MAILER-DAEMON")
    assert message.sender == "MAILER-DAEMON"


def test_a_listing_ends_with_the_cursor_zero(sample: SampleSpool) -> None:
    for _ in range(inspect.PAGE):
        sample.enqueue("more", State.HOLD, Envelope("a@b.example", (Recipient("c@d.example"),)))
    after, first = listing.listed(sample.spool, State.HOLD, 0, null_recipient="x")
    end, second = listing.listed(sample.spool, State.HOLD, after, null_recipient="x")
    assert (len(first), len(second), end) == (inspect.PAGE, 1, 0)


def test_recipients_come_with_their_last_answers(sample: SampleSpool) -> None:
    answers = list(inspect.recipients(sample.spool, sample.number("deferred")))
    assert [(a.address, a.answer, a.dsn) for a in answers] == [
        ("bob@slow.example", "deferred", "4.4.1"),
        ("alice@inbox.example", "sent", "2.0.0"),
    ]


def test_the_deliveries_of_an_active_message_have_their_stage(sample: SampleSpool) -> None:
    found = inspect.deliveries(sample.spool, sample.number("active"))
    assert [(d.nexthop, d.stage) for d in found] == [
        ("big.example", "under way"),
        ("other.example", "waiting"),
    ]


def test_who_claimed_a_message_is_known(sample: SampleSpool) -> None:
    number = sample.number("incoming")
    assert inspect.claimer(sample.spool, number) is None
    with sample.spool.transaction() as tx:
        queues.claim(tx, "incoming", sample.process_id, 1)
    claimer = inspect.claimer(sample.spool, number)
    assert claimer is not None
    assert (claimer.service, claimer.since_at) == ("smtp", sample.clock.now())


def test_the_journal_tells_the_life_of_a_message_that_is_gone(sample: SampleSpool) -> None:
    events = list(inspect.events(sample.spool, sample.number("gone")))
    assert [e.kind for e in events] == ["accepted", "resolved", "granted", "sent", "removed"]
    assert events[0].detail["sender"] == "a@news.example"
    assert events[3].at == sample.start + 0.75


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("Alice@inbox.example", ["deferred", "gone"]),
        ("c@shop.example", ["active"]),
        ("nobody@x.example", []),
        ('"q r"@x.example', []),
    ],
    ids=str,
)
def test_the_journal_is_searched_by_address(
    sample: SampleSpool, address: str, names: list[str]
) -> None:
    known = {sample.number(name): name for name in sample.ids}
    ids = [number for _, page in inspect.search_journal(sample.spool, address) for number in page]
    assert [known[number] for number in dict.fromkeys(ids)] == names


def test_processes_are_listed_with_what_they_hold(sample: SampleSpool) -> None:
    (worker,) = inspect.processes(sample.spool)
    assert (worker.service, worker.claims, worker.attempts) == ("smtp", 0, 1)


def test_a_recipient_whose_bounce_was_reopened_still_waits_in_every_listing(
    sample: SampleSpool,
) -> None:
    number = sample.number("deferred")
    elsewhere = Outcome(0, Action.SENT, "2.0.0", "250 Ok", address="bob@home.example")
    refused = Outcome(0, Action.BOUNCED, "5.1.1", "no", further=(elsewhere,))
    with sample.spool.transaction() as tx:
        record_outcomes(tx, number, [refused], {0: "bob@slow.example"})
        assert admin.still_waiting(tx, [number]) == [number]
    assert [(a.number, a.answer) for a in inspect.recipients(sample.spool, number)] == [
        (0, "waiting"),
        (1, "sent"),
    ]
    _, (message,) = listing.listed(sample.spool, State.DEFERRED, 0, null_recipient="x")
    assert [(r.address, r.reason) for r in message.recipients] == [("bob@slow.example", "")]
    question = "SELECT waiting FROM v1_queue WHERE state = 'deferred'"
    assert ask(sample.path, question, seconds=5, limit=1).rows == [(1,)]
    assert _waiting_by_domain(sample, State.DEFERRED) == {"slow.example": 1}
    with sample.spool.transaction() as tx:
        (untried,) = expiry.give_up(tx, number)
    assert untried[0] == "bob@slow.example"


def test_a_recipient_with_several_answers_is_counted_once(sample: SampleSpool) -> None:
    later = Outcome(0, Action.DEFERRED, "4.0.0", "later", address="bob@home.example")
    with sample.spool.transaction() as tx:
        outcome = Outcome(0, Action.DEFERRED, "4.1.1", "later", further=(later,))
        record_outcomes(tx, sample.number("deferred"), [outcome], {0: "bob@slow.example"})
    assert _waiting_by_domain(sample, State.DEFERRED) == {"slow.example": 1}


def _waiting_by_domain(sample: SampleSpool, state: State) -> dict[str, int]:
    crowds = [c for page in shape.pages(sample.spool, state, 10, senders=False) for c in page]
    return {crowd.domain: crowd.number for crowd in crowds}
