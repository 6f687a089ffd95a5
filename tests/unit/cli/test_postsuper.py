"""postsuper: what it does, what it says, and how it ends."""

import getpass
import io
import sys

import pytest

from spoolmta.cli.queue_tools.postsuper import main
from spoolmta.cli.spoolmta import main as spoolmta
from spoolmta.spool.connection import numbers
from spoolmta.spool.questions import inspect, listing
from spoolmta.spool.state import State
from spoolmta.spool.surgery import operations
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run


def states(sample: SampleSpool) -> dict[str, int]:
    return {s.state: s.messages for s in inspect.states(sample.spool) if s.messages}


def test_one_message_is_deleted_and_named(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["deferred"]
    ended = run(main, "-c", sample.configuration, "-d", queue_id)
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"postsuper: {queue_id}: removed\npostsuper: Deleted: 1 message\n"
    assert inspect.find(sample.spool, queue_id) is None


def test_all_means_hold_incoming_active_and_deferred(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-d", "ALL")
    assert ended.err == "postsuper: Deleted: 4 messages\n"
    assert states(sample) == {"maildrop": 1, "corrupt": 1}


def test_all_of_one_queue(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-d", "ALL", "deferred")
    assert ended.err == "postsuper: Deleted: 1 message\n"
    assert "deferred" not in states(sample)


def test_the_word_all_counts_in_upper_case_only(sample: SampleSpool, run: Run) -> None:
    assert run(main, "-c", sample.configuration, "-d", "all").err == (
        "postsuper: Deleted: 0 messages\n"
    )


@pytest.mark.parametrize(
    ("option", "name", "said", "state"),
    [
        ("-h", "deferred", "placed on hold", "hold"),
        ("-H", "hold", "released from hold", "deferred"),
        ("-r", "deferred", "requeued", "maildrop"),
    ],
)
def test_verbs_and_their_words(
    sample: SampleSpool, run: Run, option: str, name: str, said: str, state: str
) -> None:
    queue_id = sample.ids[name]
    ended = run(main, "-c", sample.configuration, option, queue_id)
    assert ended.err == (
        f"postsuper: {queue_id}: {said}\npostsuper: {said.capitalize()}: 1 message\n"
    )
    entry = inspect.find(sample.spool, queue_id)
    assert entry is not None
    assert entry.state == state


def test_totals_come_in_the_order_of_postfix(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, *["-H", "YY", "-h", "ZZ", "-d", "XX", "-r", "WW"])
    assert ended.err == (
        "postsuper: Requeued: 0 messages\n"
        "postsuper: Deleted: 0 messages\n"
        "postsuper: Placed on hold: 0 messages\n"
        "postsuper: Released from hold: 0 messages\n"
    )


def test_options_are_obeyed_in_their_order(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["deferred"]
    ended = run(main, "-c", sample.configuration, "-h", queue_id, "-d", queue_id)
    assert ended.err == (
        f"postsuper: {queue_id}: placed on hold\npostsuper: {queue_id}: removed\n"
        "postsuper: Deleted: 1 message\npostsuper: Placed on hold: 1 message\n"
    )


def test_queue_ids_come_from_standard_input(
    sample: SampleSpool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f"{sample.ids['deferred']}\n{sample.ids['hold']}  extra\n\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    ended = run(main, "-c", sample.configuration, "-d", "-")
    assert ended.err == (
        f"postsuper: {sample.ids['deferred']}: removed\n"
        f"postsuper: warning: invalid mail queue id: {sample.ids['hold']}  extra\n"
        "postsuper: warning: invalid mail queue id: \n"
        "postsuper: Deleted: 1 message\n"
    )


def test_what_an_agent_has_in_hand_is_not_requeued(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["active"]
    ended = run(main, "-c", sample.configuration, "-r", queue_id)
    assert ended.err == (
        f"postsuper: warning: {queue_id}: being delivered at this moment, not requeued\n"
        "postsuper: Requeued: 0 messages\n"
    )


def test_what_is_done_is_logged(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["deferred"]
    run(main, "-c", sample.configuration, "-d", queue_id)
    lines = (sample.queue / "maillog").read_text().split("\n")
    assert lines[0].endswith(f"]: {queue_id}: removed")
    assert lines[1].endswith("]: Deleted: 1 message")
    assert " mx postfix/postsuper[" in lines[0]


@pytest.mark.parametrize("name", ["nosuch", "corrupt", "saved"])
def test_a_queue_that_is_none_is_refused(sample: SampleSpool, run: Run, name: str) -> None:
    ended = run(main, "-c", sample.configuration, "-d", "ALL", name)
    assert (ended.status, ended.err) == (1, f"postsuper: fatal: invalid directory name: {name}\n")
    assert len(states(sample)) == 6


@pytest.mark.parametrize("arguments", [[], ["-p"], ["-s"], ["-S"], ["-psv"]], ids=str)
def test_a_check_of_a_sound_spool_is_silent(
    sample: SampleSpool, run: Run, arguments: list[str]
) -> None:
    ended = run(main, "-c", sample.configuration, *arguments)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_a_check_names_a_message_that_is_in_no_queue(sample: SampleSpool, run: Run) -> None:
    with sample.spool.transaction() as tx:
        tx.run("leave_hold", {"ids": numbers([sample.number("hold")])})
    ended = run(main, "-c", sample.configuration, "-s")
    assert ended.status == 1
    assert ended.err.startswith(f"postsuper: warning: {sample.ids['hold']}: in no queue\n")


def test_what_is_to_expire_is_named_once_and_shown_in_the_listing(
    sample: SampleSpool, run: Run
) -> None:
    queue_id = sample.ids["deferred"]
    ended = run(main, "-c", sample.configuration, "-e", queue_id)
    assert ended.err == f"postsuper: {queue_id}: expired\npostsuper: Force-expired: 1 message\n"
    again = run(main, "-c", sample.configuration, "-e", queue_id)
    assert again.err == "postsuper: Force-expired: 0 messages\n"
    _, (listed,) = listing.listed(sample.spool, State.DEFERRED, 0, null_recipient="")
    assert listed.forced_expire


def test_expiry_may_release_what_is_held(sample: SampleSpool, run: Run) -> None:
    queue_id = sample.ids["hold"]
    ended = run(main, "-c", sample.configuration, "-f", queue_id, "-f", "a/b")
    assert ended.err == (
        f"postsuper: {queue_id}: expired\n"
        f"postsuper: {queue_id}: released from hold\n"
        "postsuper: warning: invalid mail queue id: a/b\n"
        "postsuper: warning: invalid mail queue id: a/b\n"
        "postsuper: Force-expired: 1 message\n"
        "postsuper: Released from hold: 1 message\n"
    )
    assert "hold" not in states(sample)
    (done,) = operations.recent(sample.spool, 9)
    assert (done.verb, done.messages) == ("force-expire", 1)


def test_all_that_a_message_is_named_for_is_done_to_it_in_turn(
    sample: SampleSpool, run: Run
) -> None:
    queue_id = sample.ids["hold"]
    options = [word for letter in "hHer" for word in (f"-{letter}", queue_id)]
    ended = run(main, "-c", sample.configuration, *options)
    assert ended.err == (
        f"postsuper: {queue_id}: released from hold\n"
        f"postsuper: {queue_id}: expired\n"
        f"postsuper: {queue_id}: requeued\n"
        "postsuper: Requeued: 1 message\n"
        "postsuper: Force-expired: 1 message\n"
        "postsuper: Placed on hold: 0 messages\n"
        "postsuper: Released from hold: 1 message\n"
    )
    assert states(sample)["maildrop"] == 2


def test_an_option_without_its_argument_is_named(run: Run) -> None:
    ended = run(main, "-d")
    assert ended.status == 1
    assert ended.err.startswith("postsuper: option requires an argument -- 'd'\n")


@pytest.mark.parametrize(
    ("option", "name", "verb"),
    [
        ("-d", "deferred", "delete"),
        ("-h", "incoming", "hold"),
        ("-H", "hold", "release"),
        ("-r", "deferred", "requeue"),
    ],
)
def test_what_was_done_to_a_message_is_taken_back_by_spoolmta_undo(
    sample: SampleSpool, run: Run, option: str, name: str, verb: str
) -> None:
    before = states(sample)
    # Named twice, it is done once.
    run(main, "-c", sample.configuration, option, sample.ids[name], option, sample.ids[name])
    assert states(sample) != before
    (listed,) = run(spoolmta, "-c", sample.configuration, "undo", "list").out.splitlines()[1:]
    assert listed.split()[3:6] == [getpass.getuser(), verb, "1"]
    assert f"postsuper={option} ids={sample.ids[name]},{sample.ids[name]}" in listed
    undone = run(spoolmta, "-c", sample.configuration, "undo", "1")
    assert (undone.status, undone.out) == (0, f"{verb} of 1 message undone\n")
    assert states(sample) == before


def test_everything_that_was_deleted_at_once_comes_back_at_once(
    sample: SampleSpool, run: Run
) -> None:
    before = states(sample)
    sample.report(sample.under_way, sample.sent(0))
    run(main, "-c", sample.configuration, "-d", "ALL")
    assert run(spoolmta, "-c", sample.configuration, "undo", "1").status == 0
    # What was on its way is resolved afresh.
    before |= {"deferred": 2}
    del before["active"]
    assert states(sample) == before


def test_nothing_done_is_nothing_to_undo(sample: SampleSpool, run: Run) -> None:
    run(main, "-c", sample.configuration, "-d", "AAAA", "-h", sample.ids["hold"])
    assert run(spoolmta, "-c", sample.configuration, "undo", "list").out == ""
