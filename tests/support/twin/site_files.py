"""What a site's folder holds: main.cf, master.cf, tables, the command that records deliveries."""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.postfix_oracle import SERVICES
from tests.support.twin.cases import Site

OWNER = "postfix"
COMMANDS_USER = "nobody"

# What no site may change.
FIXED = {
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "mail_owner": OWNER,
    "setgid_group": "postdrop",
}

_AGENTS = ("smtp", "lmtp", "local", "virtual", "pipe")
_RECORD = """\
{name} unix - n n - - pipe
  user={user} null_sender= argv={recorder} {records} {name}
  ${{nexthop}} ${{sender}} ${{recipient}} ${{original_recipient}} ${{queue_id}}
"""
_RECORDER = """\
#!/bin/sh
file="$1/$7.$$"
shift
{ printf '%s\\n' "$@"; cat; } > "$file"
"""
_BUILT = re.compile(r"\b(hash|btree|cdb|lmdb|dbm):(?:\$config_directory|\{etc\})/([\w.-]+)")


class Folder(NamedTuple):
    """The places of one system's site."""

    configuration: Path
    records: Path
    out: Path
    recorder: Path

    @classmethod
    def make(cls, root: Path, configuration: Path) -> "Folder":
        """Make them below *root*."""
        folder = cls(configuration, root / "records", root / "out", root / "record")
        for path in (folder.records, folder.out):
            path.mkdir()
            path.chmod(0o1777)
        folder.recorder.write_text(_RECORDER)
        folder.recorder.chmod(0o755)
        return folder


class Table(NamedTuple):
    """A table that has to be built: by postalias if it is one of aliases."""

    kind: str
    path: Path

    @property
    def program(self) -> str:
        """The command that builds it."""
        return "postalias" if self.path.name.startswith("aliases") else "postmap"


def write(site: Site, folder: Folder, port: int, places: Mapping[str, str]) -> list[Table]:
    """Write a site's files; *places* are parameters of the system. Return the tables to build."""

    def filled(text: str) -> str:
        values = {"{etc}": folder.configuration, "{out}": folder.out, "{port}": port}
        for mark, value in values.items():
            text = text.replace(mark, str(value))
        return text

    own = filled(textwrap.dedent(site.main))
    main = _main(site.stock, own, places)
    (folder.configuration / "main.cf").write_text(main)
    master = _master(filled(SERVICES + textwrap.dedent(site.master)), site, folder)
    (folder.configuration / "master.cf").write_text(master)
    for name, text in site.files.items():
        (folder.configuration / name).write_text(filled(text))
    return [
        Table(kind, folder.configuration / name)
        for kind, name in dict.fromkeys(_BUILT.findall(site.main))
    ]


def _main(basis: Mapping[str, str], own: str, places: Mapping[str, str]) -> str:
    fixed = {**FIXED, **places}
    names = set(re.findall(r"^(\w+)\s*=", own, re.MULTILINE))
    assert not names & set(fixed), f"the harness sets {names & set(fixed)}"
    stock = "".join(f"{name} = {value}\n" for name, value in basis.items() if name not in names)
    return stock + own + "\n" + "".join(f"{name} = {value}\n" for name, value in fixed.items())


def _master(text: str, site: Site, folder: Folder) -> str:
    """Return master.cf with the transports that are not real replaced by recording ones."""
    services = re.findall(r"^[^\s#].*\n(?:(?:[ \t#].*)?\n)*", text + "\n", re.MULTILINE)
    return "".join(
        _RECORD.format(
            name=service.split()[0],
            user=COMMANDS_USER,
            recorder=folder.recorder,
            records=folder.records,
        )
        if service.split()[7] in _AGENTS and service.split()[0] not in site.real
        else service
        for service in services
    )
