"""When the keeper looks for dead processes."""

import asyncio
import getpass
import subprocess
import sys
from pathlib import Path

from spoolmta.spool import days
from spoolmta.stages import keeper
from spoolmta.stages.keeper import BURIAL_SECONDS, LOOK_SECONDS
from tests.support.sample_spool import SampleSpool

REGISTER = """
import sys
from pathlib import Path
from spoolmta.clock import SystemClock
from spoolmta.spool import processes
from spoolmta.spool.connection import Spool
with Spool.open(Path(sys.argv[1]), SystemClock()).transaction() as tx:
    processes.register(tx, "pickup")
"""


def test_the_dead_are_found_at_a_poke_and_else_every_few_seconds(tmp_path: Path) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    asyncio.run(_look(sample))
    sample.close()


async def _look(sample: SampleSpool) -> None:
    context = sample.context("keeper")
    stage = keeper.open_stage(context)
    await stage.run_once()

    _die_unretired(sample)
    sample.clock.jump(LOOK_SECONDS / 2)
    assert await stage.run_once() == 1

    _die_unretired(sample)
    sample.clock.jump(LOOK_SECONDS)
    assert await stage.run_once() == 0
    sample.clock.jump(BURIAL_SECONDS)
    assert await stage.run_once() == 1
    await context.committer.close()
    context.log.close()


def test_history_moves_while_little_is_written(tmp_path: Path) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    asyncio.run(_keep_history(sample))
    sample.close()


async def _keep_history(sample: SampleSpool) -> None:
    context = sample.context("keeper")
    stage = keeper.open_stage(context)
    await stage.run_once()
    assert _days(sample) == [], "much was written before the first look"
    sample.clock.jump(LOOK_SECONDS)
    await stage.run_once()
    assert len(_days(sample)) == 1
    sample.clock.jump(6 * 86_400)
    await stage.run_once()
    assert _days(sample) == [], "history_lifetime is 5 days"
    await context.committer.close()
    context.log.close()


def _days(sample: SampleSpool) -> list[Path]:
    return days.paths(sample.queue / days.FOLDER)


def _die_unretired(sample: SampleSpool) -> None:
    """Let a process register and end without a word."""
    subprocess.run([sys.executable, "-c", REGISTER, sample.path], check=True)
