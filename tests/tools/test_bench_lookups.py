"""Lookups a second, of ours and of Postfix."""

import pytest

from tests.support import postfix_oracle
from tests.support.oracle import needs_postfix
from tools.bench.disk import FolderDisk
from tools.bench.figures import Figures
from tools.bench.profiles import PROFILES
from tools.bench.stand import Effort, Stand
from tools.bench.systems import SYSTEMS


def measured(system: str) -> Figures:
    with FolderDisk(None).place() as place:
        return PROFILES["lookups"].measure(Stand(SYSTEMS[system], place, Effort(20, quick=True)))


def test_each_table_has_a_rate() -> None:
    figures = measured("spoolmta")
    rates = {name: value for name, value in figures.items() if name.endswith("lookups/s")}
    assert {name.partition(",")[0] for name in rates} == {
        *("lmdb", "hash", "cidr", "regexp", "pcre", "texthash")
    }
    assert all(rate > 0 for rate in rates.values())


@needs_postfix
@pytest.mark.root
def test_postfix_has_the_same_figures() -> None:
    assert postfix_oracle.is_installed()
    assert measured("postfix").keys() == measured("spoolmta").keys()
