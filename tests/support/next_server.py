"""Messages to two recipients whose next hop is two scripted servers, through Postfix or ours.

stories = run(PostfixOracle, root, pairs, {"soft": "-o soft_bounce=yes"}, {})

A story is what was logged of a message, and what both servers heard, without what must differ.
"""

import re
import smtplib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support.mail_system import MailSystem, wait_for
from tests.support.postfix_oracle import PostfixOracle
from tests.support.scripted_server import Behaviour, Script, ScriptedServer

_SETTINGS = {
    "minimal_backoff_time": "1h",
    "maximal_backoff_time": "1h",
    "queue_run_delay": "1h",
    "relay_domains": "",
    "smtp_connection_cache_on_demand": "no",
    "mail_owner": "postfix",
}
# Whether a conversation that is over ends with them does no harm and no good.
_FAREWELL = ("RSET", "QUIT")
_SECONDS = 120.0


@dataclass(frozen=True)
class Pair:
    """Two servers, by their scripts, and the service (a line of master.cf) that visits them."""

    service: str
    name: str
    first: Script
    second: Script


def run(
    system_of: Callable[[Path, Mapping[str, str], str], PostfixOracle | MailSystem],
    root: Path,
    pairs: Sequence[Pair],
    services: Mapping[str, str],
    files: Mapping[str, str],
) -> dict[str, str]:
    """Return the story of each pair.

    *services* are the options of each, by name, *files* those that they name with {etc}.
    """
    etc = root / "etc"
    etc.mkdir(parents=True)
    root.chmod(0o755)
    with ExitStack() as stack:
        servers = [[_start(stack, script) for script in (p.first, p.second)] for p in pairs]
        hops = [",".join(f"[127.0.0.1]:{one.port}" for one in two) for two in servers]
        routes = "".join(
            f"c{number}.example {pair.service}:{hop}\n"
            for number, (pair, hop) in enumerate(zip(pairs, hops, strict=True))
        )
        for name, content in {**files, "routes": routes}.items():
            (etc / name).write_text(content)
        master = "".join(
            f"{name} unix - - n - - smtp {options.format(etc=etc)}\n"
            for name, options in services.items()
        )
        settings = {**_SETTINGS, "transport_maps": f"texthash:{etc}/routes"}
        system = system_of(root, settings, master)
        stack.enter_context(system)
        ids = _send(system.port, len(pairs))
        wait_for(lambda: _answered(system.log(), ids), _SECONDS, f"answers\n{system.log()}")
        return {
            f"{pair.service}: {pair.name}": _story(system.log(), queue_id, number, servers[number])
            for number, (pair, queue_id) in enumerate(zip(pairs, ids, strict=True))
        }


def _start(stack: ExitStack, script: Script) -> ScriptedServer:
    behaviour = Behaviour(greeting="220 elsewhere.example ESMTP", name="elsewhere.example")
    return stack.enter_context(ScriptedServer(script, behaviour))


def _send(port: int, count: int) -> list[str]:
    ids = []
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for number in range(count):
            client.mail("sender@here.example")
            for name in "ab":
                client.rcpt(f"{name}@c{number}.example")
            _, reply = client.data("Subject: case\n\nhello\n")
            found = re.search(rb"queued as (\w+)", reply)
            assert found, reply
            ids.append(found[1].decode())
    return ids


def _answered(log: str, ids: Sequence[str]) -> bool:
    answers = re.findall(r": (\w+): to=<[ab]@c\d+\.example>", log)
    return all(answers.count(queue_id) >= 2 for queue_id in ids)


def _story(log: str, queue_id: str, number: int, servers: Sequence[ScriptedServer]) -> str:
    lines = re.findall(rf"/smtp\[\d+\]: {queue_id}: (.*)", log)
    told = "\n".join(sorted(lines)).replace(f"c{number}.example", "site.example")
    told = re.sub(r"delay=[^,]*, delays=[^,]*, ", "", told)
    for place, server in zip(("first", "second"), servers, strict=True):
        told = told.replace(f":{server.port}", f":{place}")
        heard = " ".join(verb for verb in server.verbs() if verb not in _FAREWELL)
        told += f"\n{place} server: {heard}"
    return told
