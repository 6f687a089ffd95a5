"""What a dead process held comes back."""

from spoolmta.spool import deliveries, processes
from spoolmta.spool.liveness import Process
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

DEAD = Process(4000, "virtual", 1, 1, "another boot")


def die_with_a_delivery(mta: Mta) -> None:
    """Let an agent claim what is granted and die."""
    with mta.context.spool.transaction() as tx:
        assert deliveries.claim_granted(tx, "virtual", DEAD.process_id, 10).delivery_ids
    with mta.context.spool.transaction() as tx:
        processes.prune(tx, DEAD)


def granted(mta: Mta) -> Mta:
    """Run a message up to its grant."""
    mta.submit("a@x.example", ["alice@inbox.example"])
    while not mta.rows("SELECT * FROM granted"):
        mta.run(mta.step_stages())
    return mta


def test_a_delivery_whose_agent_died_is_made_again(mta: Mta) -> None:
    die_with_a_delivery(granted(mta))
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "alice")) == 1
    assert mta.states() == {}


def test_it_is_made_again_also_if_the_queue_manager_died_meanwhile(mta: Mta) -> None:
    die_with_a_delivery(granted(mta))
    mta.restart()
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "alice")) == 1
    assert mta.states() == {}


def test_a_delivery_repeated_after_a_crash_is_the_same_file(make_mta: MakeMta) -> None:
    mta = granted(make_mta())
    with mta.context.spool.transaction() as tx:
        claim = deliveries.claim_granted(tx, "virtual", DEAD.process_id, 10)
    (delivery,) = deliveries.load(mta.context.spool, claim.delivery_ids)
    mta.run(mta.deliver("virtual", delivery))
    with mta.context.spool.transaction() as tx:
        processes.prune(tx, DEAD)
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "alice")) == 1


def test_the_third_death_takes_no_other_mail_along(mta: Mta) -> None:
    poison = mta.submit("a@x.example", ["alice@inbox.example"])
    for _ in range(3):
        mta.submit("a@x.example", ["bob@inbox.example"])
    for _ in range(3):
        while len(mta.rows("SELECT * FROM granted")) < 4:
            mta.run(mta.step_stages())
        die_with_a_delivery(mta)
    with mta.context.spool.transaction() as tx:
        assert processes.quarantine(tx) == [int(poison, 16)]
    mta.run_until_idle()
    assert mta.states() == {"corrupt": 1}
    assert len(mta.maildir("inbox.example", "bob")) == 3


def test_the_journal_names_the_recipients_of_an_attempt_that_nobody_knows_the_end_of(
    mta: Mta,
) -> None:
    die_with_a_delivery(granted(mta))
    told = "SELECT recipient, detail ->> 'transport' FROM event WHERE kind = 'crashed'"
    assert mta.rows(told) == [("alice@inbox.example", "virtual")]
    mta.run_until_idle()
