"""Commands run in this process, over a spool with a message in every state."""

import getpass
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.backup import back_up
from tests.support.sample_spool import SampleSpool


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command's main() with arguments, as its console script does."""

    def run(main: Callable[[], None], *arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def backup(sample: SampleSpool, tmp_path: Path) -> Path:
    """Return a backup of the sample."""
    back_up(sample.path, tmp_path / "night.db")
    return tmp_path / "night.db"


@pytest.fixture
def restore(sample: SampleSpool, run: Run, backup: Path) -> Run:
    """Run spoolmta restore with the backup and some arguments; nobody has the spool open then."""

    def restore(*arguments: object) -> Ended:
        sample.close()
        return run(main, "-c", sample.configuration, "restore", backup, *arguments)

    return restore
