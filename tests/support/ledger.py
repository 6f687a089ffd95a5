"""The external ledger: what was promised, kept outside the mail system, one fsync a line.

A message counts as promised when the client saw 250 after its data, or when sendmail exited 0.
Every recipient address is a token that occurs in one message only, so that a delivery is told by
its address alone: the ledger says what must arrive, the receiver's record says what did.

Lines are "VERDICT TOKEN": promised, refused, or unknown (the connection was lost before an answer).

Must not: know anything of the spool or of spoolmta.
"""

import os
from collections import Counter
from pathlib import Path

PROMISED = "promised"
REFUSED = "refused"
UNKNOWN = "unknown"


class Ledger:
    """An append-only file of verdicts; record() returns when the line is on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.counts: Counter[str] = Counter()

    def record(self, verdict: str, tokens: tuple[str, ...]) -> None:
        """Write one line for each of *tokens* and wait for the disk."""
        self.counts[verdict] += len(tokens)
        os.write(self._file, "".join(f"{verdict} {token}\n" for token in tokens).encode())
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_tokens(path: Path, verdict: str) -> Counter[str]:
    """Return how often each token stands in the file under *verdict*."""
    if not path.exists():
        return Counter()
    lines = (line.partition(" ") for line in path.read_text().split("\n"))
    return Counter(token for said, _, token in lines if said == verdict)
