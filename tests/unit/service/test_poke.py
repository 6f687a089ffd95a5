"""Wake-ups."""

import asyncio
from pathlib import Path

import pytest

from spoolmta.service.poke import FOLDER, Poker, bind
from spoolmta.service.wakeup import Wakeup


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def test_a_poke_ends_the_wait(folder: Path) -> None:
    async def scenario() -> None:
        receiver = bind(folder, "qmgr")
        wakeup = Wakeup(receiver)
        poker = Poker(folder)
        asyncio.get_running_loop().call_later(0.01, poker.poke, "qmgr")
        await asyncio.wait_for(wakeup.wait(None), 5)
        wakeup.close()
        poker.close()
        receiver.close()

    asyncio.run(scenario())


def test_a_poke_that_came_before_the_wait_is_not_lost(folder: Path) -> None:
    async def scenario() -> None:
        wakeup = Wakeup(None)
        wakeup.wake()
        await asyncio.wait_for(wakeup.wait(None), 5)
        assert not wakeup._woken

    asyncio.run(scenario())


def test_a_wait_ends_by_time(folder: Path) -> None:
    async def scenario() -> None:
        await asyncio.wait_for(Wakeup(None).wait(0.01), 5)

    asyncio.run(scenario())


def test_poking_nobody_is_no_error(folder: Path) -> None:
    poker = Poker(folder)
    poker.poke("nobody")
    poker.close()
