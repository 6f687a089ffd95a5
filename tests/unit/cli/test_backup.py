"""spoolmta backup: what it says, and its exit status."""

import json
from pathlib import Path

from spoolmta.cli.spoolmta import main
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run


def test_it_says_what_is_in_the_copy(sample: SampleSpool, run: Run, tmp_path: Path) -> None:
    command = (main, "-c", sample.configuration, "backup")
    ended = run(*command, tmp_path / "one.db")
    assert ended.status == 0
    assert "6 messages to 8 recipients" in ended.out
    told = json.loads(run(*command, tmp_path / "two.db", "--json").out)
    assert (told["messages"], told["recipients"]) == (6, 8)
    assert run(*command, tmp_path / "two.db").status == 2
    ended = run(*command, tmp_path / "no" / "three.db")
    assert (ended.status, ended.out) == (1, "")
    assert "no backup was made" in ended.err
