"""A mail system that is run step by step."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.mta import Mta

MakeMta = Callable[..., Mta]


@pytest.fixture
def make_mta(tmp_path: Path) -> Iterator[MakeMta]:
    """Make a mail system with settings of main.cf; its soundness is checked at the end."""
    with ExitStack() as stack:

        def make(**settings: str) -> Mta:
            return stack.enter_context(Mta(tmp_path, settings))

        yield make


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta()
