"""The command: python -m tools.bench [--profile NAME ...] [--pairs N] [--messages N] [--json FILE].

Without a profile it runs "relay"; "all" stands for every one. Each run has a fresh file system on a
loop device, which needs root; or a folder below --directory, which should be on a disk and not in
memory: both systems wait for it.
"""

import argparse
import compileall
import contextlib
import json
import os
import platform
import signal
import sys
from pathlib import Path
from typing import NoReturn

import spoolmta
from tests.support import postfix_oracle
from tools.bench import disk, durability, peers
from tools.bench.measure import Comparison, compare
from tools.bench.profiles import EVERY, PROFILES, Profile
from tools.bench.report import as_json, table
from tools.bench.stand import Effort, Factory
from tools.bench.systems import SYSTEMS

FULL_RUN = 10_000
QUICK_RUN = 400
PAIRS = 3


def main() -> int:
    """Run the benchmark; the exit status is 1 if a promise was broken."""
    signal.signal(signal.SIGTERM, _end)
    options = _options()
    # As an installed package is: else each command compiles again what was changed since.
    compileall.compile_dir(Path(spoolmta.__file__).parent, quiet=1)
    effort = Effort(options.messages or (QUICK_RUN if options.quick else FULL_RUN), options.quick)
    pairs = options.pairs or (1 if options.quick else PAIRS)
    systems = _systems(options.only)
    comparisons: list[Comparison] = []
    with contextlib.closing(disk.choose(options.directory)) as chosen:
        for line in (peers.describe(), f"queues: {chosen.description}"):
            _say(line)
        try:
            for profile in _profiles(options.profile):
                comparisons.append(compare(profile, systems, chosen, effort, pairs, _say))
                print(table(comparisons[-1]), end="\n\n", flush=True)
        except durability.BrokenPromise as error:
            _say(f"BROKEN PROMISE: {error}")
            return 1
        finally:
            if options.json:
                about = {**_about(chosen), "pairs": pairs, "messages": effort.messages}
                options.json.write_text(json.dumps(as_json(comparisons, about), indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument(
        "--profile", action="append", choices=[*PROFILES, EVERY], help="may be repeated"
    )
    parser.add_argument("--pairs", type=int, help=f"runs of each system, in turns ({PAIRS})")
    parser.add_argument("--messages", type=int, help=f"messages of a full run ({FULL_RUN})")
    parser.add_argument(
        "--quick", action="store_true", help="one short run of each, to see it work"
    )
    parser.add_argument("--only", choices=SYSTEMS, help="one system alone")
    parser.add_argument("--directory", type=Path, help="have the queues below it, e.g. /var/tmp")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


def _systems(only: str | None) -> dict[str, Factory]:
    """Return the systems to measure, by name."""
    names = [only] if only else list(SYSTEMS)
    if "postfix" in names and not postfix_oracle.is_installed():
        _say("Postfix is not installed, or this is not root: no comparison")
        names.remove("postfix")
    return {name: SYSTEMS[name] for name in names}


def _profiles(names: list[str] | None) -> list[Profile]:
    """Return the profiles that were asked for and can be measured here."""
    chosen = dict.fromkeys(PROFILES if EVERY in (names or []) else names or ["relay"])
    if "durability" in chosen and (reason := durability.missing()):
        _say(f"durability is left out: {reason}")
        del chosen["durability"]
    return [PROFILES[name] for name in chosen]


def _about(chosen: disk.Disk) -> dict[str, object]:
    """Return under which conditions the figures were taken."""
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "peers": peers.describe(),
        "queues": chosen.description,
    }


def _end(*_: object) -> NoReturn:
    """Leave by way of every clean-up."""
    sys.exit(128 + signal.SIGTERM)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
