"""An operator's command that is killed in the middle: all of it is done, or nothing."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spoolmta.spool import operations
from spoolmta.spool.audit import audit
from spoolmta.spool.connection import Spool
from tests.support.sample_spool import SampleSpool

SIGKILLED = -9
TABLES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "trash", "operation")
VERBS = (
    ("hold", "ALL"),
    ("release", "ALL"),
    ("requeue", "--state", "hold,deferred,incoming"),
    ("delete", "--domain", "y.example"),
    ("bounce", "ALL"),
    ("expire", "ALL"),
    ("reroute", "--to", "smtp:[relay.example]", "ALL"),
    ("prioritise", "ALL"),
    ("sender", "--to", "x@news.example", "ALL"),
    ("recipient", "add", "--address", "x@news.example", "ALL"),
)


def command(sample: SampleSpool, *arguments: str, crash: str = "") -> int:
    environment = {**os.environ, "SPOOLMTA_CRASH": crash}
    words = (sys.executable, "-m", "spoolmta.cli.spoolmta", "-c", str(sample.configuration))
    return subprocess.run([*words, *arguments, "--yes"], env=environment, check=False).returncode


def places(sample: SampleSpool) -> dict[str, int]:
    spool = Spool.open(sample.path, sample.clock)
    try:
        assert not [one for _, account in audit(spool) for one in account.violators]
        with spool.transaction() as tx:
            rows = {name: len(tx.run(f"select_{name}")) for name in TABLES[:6]}
        return rows | {"operations": len(operations.recent(spool, 100))}
    finally:
        spool.close()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_command_that_is_killed_is_done_wholly_or_not_at_all(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    with (sample.configuration / "master.cf").open("a") as master:
        master.write("smtp unix - - n - - smtp\n")
    sample.close()
    before = places(sample)
    assert command(sample, "queue", *verb, crash="operate.before_commit:1") == SIGKILLED
    assert places(sample) == before
    assert command(sample, "queue", *verb, crash="operate.after_commit:1") == SIGKILLED
    done = places(sample)
    assert done["operations"] == 1
    assert command(sample, "undo", "1", crash="undo.before_commit:1") == SIGKILLED
    assert places(sample) == done
    # What an agent has in hand is named and left alone.
    assert command(sample, "undo", "1") == (1 if verb[0] == "hold" else 0)
    assert sum(places(sample).values()) == sum(before.values()) + 1
