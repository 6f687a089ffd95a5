"""Which answers of a server make the SMTP client go on to the next one: as Postfix's does.

What must be equal is what both servers heard, what was logged, and what became of either recipient.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem
from tests.support.next_server import Pair, run
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import PostfixOracle, is_installed
from tests.support.scripted_server import DROP

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

SERVICES = {
    "plain": "",
    "soft": "-o soft_bounce=yes",
    "strict": "-o smtp_skip_5xx_greeting=no",
    "status": "-o smtp_delivery_status_filter=pcre:{etc}/status",
    "reply": "-o smtp_reply_filter=pcre:{etc}/reply",
    "one": "-o smtp_mx_session_limit=1",
}
FILES = {
    "status": "/^5(.*)/ 4$1\n/^4\\.7\\.1 (.*)/ 5.7.1 hard $1\n",
    "reply": "/^5(\\d\\d)([ -])5(.*)/ 4$1${2}4$3\n/^451 (.*)/ 551 hard $1\n/^250-PIPE/ 250-NONE\n",
}
MOMENTS = ("CONNECT", "EHLO", "MAIL", "RCPT TO:<a@", "RCPT", "DATA", ".")
ANSWERS = (
    "450 4.7.1 not now", "451 later", "554 never", "421 4.3.2 closing", "521 5.3.2 no mail here",
    "550-5.7.1 never\n550 5.7.1 at all", "550 4.7.1 odd", DROP,
)  # fmt: skip
LAST = (DROP, "450 4.7.2 second", "550 5.7.2 second")


def pairs(service: str) -> Iterator[Pair]:
    """Yield the cases of one service: the second server works, or it does not either."""
    for moment in MOMENTS:
        for answer in ANSWERS:
            script = {moment: answer, **({"HELO": answer} if moment == "EHLO" else {})}
            yield Pair(service, f"{moment} {answer}", script, {})
    for moment in ("CONNECT", "RCPT TO:<a@"):
        for first in ("450 4.7.1 not now", "550 5.7.1 never"):
            for second in LAST:
                for other in ("CONNECT", "MAIL", "RCPT TO:<a@"):
                    name = f"{moment} {first}, then {other} {second}"
                    yield Pair(service, name, {moment: first}, {other: second})


@pytest.fixture(scope="module")
def stories() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What became of every case, in Postfix and in ours."""
    cases = [pair for service in SERVICES for pair in pairs(service)]
    with tempfile.TemporaryDirectory(prefix="next-") as folder, ThreadPoolExecutor(2) as pool:
        Path(folder).chmod(0o755)
        theirs = pool.submit(run, PostfixOracle, Path(folder, "theirs"), cases, SERVICES, FILES)
        ours = pool.submit(run, MailSystem, Path(folder, "ours"), cases, SERVICES, FILES)
        yield theirs.result(), ours.result()


@pytest.mark.parametrize("service", SERVICES)
def test_the_client_goes_on_where_postfix_goes_on(
    stories: tuple[dict[str, str], dict[str, str]], service: str
) -> None:
    theirs, ours = (
        {name: story for name, story in told.items() if name.startswith(f"{service}: ")}
        for told in stories
    )
    assert len(theirs) == 92
    assert ours == theirs
