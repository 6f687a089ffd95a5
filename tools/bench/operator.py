"""What the operator of each system types: questions, and surgery on a part of the queue."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence

from tests.support import postfix_oracle
from tests.support.forked import BIN
from tools.bench.peers import SENDER
from tools.bench.systems import Postfix, Spoolmta, System

Commands = Mapping[str, Sequence[str]]

# The queue ids out of a listing of JSON lines.
_IDS = r"""sed 's/.*"queue_id": "\([^"]*\)".*/\1/'"""


class Operator:
    """One who has the commands of *system* at hand."""

    def __init__(self, system: System) -> None:
        _, self.environment = system.sendmail()

    def questions(self) -> Commands:
        """Return what is asked of the queue, by name."""
        raise NotImplementedError

    def surgery(self, part: int) -> Commands:
        """Return what is done to *part* of its messages, by name and in this order."""
        raise NotImplementedError


class OperatorOfSpoolmta(Operator):
    """The native command, and mailq."""

    def questions(self) -> Commands:
        """See Operator."""
        spoolmta = str(BIN / "spoolmta")
        return {
            "mailq": [str(BIN / "mailq")],
            "status": [spoolmta, "status"],
            "why": [spoolmta, "why", self._some_queue_id()],
            "queue list": [spoolmta, "queue", "list"],
        }

    def surgery(self, part: int) -> Commands:
        """See Operator; each part of the messages has a sender of its own."""
        del part
        queue = [str(BIN / "spoolmta"), "queue"]
        chosen = ["--sender", "sender3@bench.example", "--yes"]
        return {verb: [*queue, verb, *chosen] for verb in ("hold", "release", "delete")}

    def _some_queue_id(self) -> str:
        """Return the queue id of the message that is listed first."""
        command = [str(BIN / "postqueue"), "-j"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment) as listing:
            assert listing.stdout is not None
            line = listing.stdout.readline()
            listing.kill()
        return str(json.loads(line)["queue_id"])


class OperatorOfPostfix(Operator):
    """Pipes of postqueue and postsuper, as its manual shows them."""

    def questions(self) -> Commands:
        """See Operator."""
        return {"mailq": [postfix_oracle.program("postqueue"), "-p"]}

    def surgery(self, part: int) -> Commands:
        """See Operator; all messages have one sender."""
        postqueue, postsuper = map(postfix_oracle.program, ("postqueue", "postsuper"))
        listing = f'{postqueue} -j | grep \'"sender": "{SENDER}"\''
        return {
            name: ["sh", "-c", f"{listing} | {which} | {_IDS} | {postsuper} {option} -"]
            for name, which, option in (
                ("hold", f"head -n {part}", "-h"),
                ("release", 'grep \'"queue_name": "hold"\'', "-H"),
                ("delete", f"head -n {part}", "-d"),
            )
        }


OPERATORS: Mapping[str, Callable[[System], Operator]] = {
    Spoolmta.name: OperatorOfSpoolmta,
    Postfix.name: OperatorOfPostfix,
}
