"""The command: python -m tools.bench [--profile NAME ...] [--pairs N] [--messages N] [--json FILE].

Without a profile it runs "relay". Folders are made below --directory (a disk, not a memory file
system: both systems wait for it) and removed at the end.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import postfix_oracle
from tools.bench import peers
from tools.bench.measure import Factory, Run, direct_rate, run_once
from tools.bench.profiles import PROFILES, Profile
from tools.bench.report import Comparison, as_json, table
from tools.bench.systems import Postfix, Spoolmta

SMALLEST_RUN = 20


def main() -> int:
    """Run the benchmark."""
    options = _options()
    factories: list[Factory] = [] if options.only == "postfix" else [Spoolmta]
    if options.only != "spoolmta" and postfix_oracle.is_installed():
        factories.append(Postfix)
    elif options.only != "spoolmta":
        _say("Postfix is not installed, or this is not root: no comparison")
    _say(peers.describe())
    comparisons = []
    for name in options.profile or ["relay"]:
        comparison = _compare(PROFILES[name], factories, options)
        comparisons.append(comparison)
        print(table(comparison), end="\n\n", flush=True)
    if options.json:
        about = {"cores": os.cpu_count(), "python": platform.python_version()}
        about |= {"peers": peers.describe(), "pairs": options.pairs}
        options.json.write_text(json.dumps(as_json(comparisons, about), indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--profile", action="append", choices=PROFILES, help="may be repeated")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each system, in turns")
    parser.add_argument("--messages", type=int, default=10_000, help="messages of a run")
    parser.add_argument("--only", choices=["spoolmta", "postfix"], help="one system alone")
    parser.add_argument("--directory", type=Path, help="where the queues are, e.g. /var/tmp")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


def _compare(profile: Profile, factories: list[Factory], options: argparse.Namespace) -> Comparison:
    messages = max(SMALLEST_RUN, int(options.messages * profile.share))
    direct = direct_rate(profile, messages)
    runs = []
    for run in _runs(profile, factories, options, messages):
        _say(f"{profile.name}: {run.system} {run.relayed_rate:,.0f} messages/s")
        runs.append(run)
    return Comparison(profile, direct, tuple(runs))


def _runs(
    profile: Profile, factories: list[Factory], options: argparse.Namespace, messages: int
) -> Iterator[Run]:
    """Yield the runs in turns; the order changes with each pair."""
    for pair in range(options.pairs):
        for factory in factories if pair % 2 == 0 else reversed(factories):
            root = Path(tempfile.mkdtemp(prefix="spoolmta-bench-", dir=options.directory))
            # The services drop root and must find their way in.
            root.chmod(0o755)
            try:
                yield run_once(factory, profile, messages, max(SMALLEST_RUN, messages // 10), root)
            finally:
                shutil.rmtree(root, ignore_errors=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
