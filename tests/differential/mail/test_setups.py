"""The configurations of docs/setups/: mail through both systems, check, and what explain says."""

import importlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from spoolmta.cli.spoolmta import main as spoolmta
from spoolmta.cli.tables import postalias, postmap
from tests.support import setup_pages
from tests.support.mail_system import free_port, wait_for
from tests.support.oracle import ours
from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail
from tests.support.twin.cases import LIMITS

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

SRS = "srs-forwarding"
STRANGER = "you@far.example"

CASES: dict[str, Sequence[Mail]] = {
    "null-client": [
        mail(None, "root", by="sendmail", shows="<root@example.com> at [[mail.example.com]]"),
        mail("shop@example.com", STRANGER, by="sendmail", shows="at [[mail.example.com]]"),
        mail(
            "shop@example.com", STRANGER, "To: you\nFrom: shop\n\nx\n", shows="To: you@example.com"
        ),
        mail("", "root@web1.example.com", by="sendmail", shows="at [[mail.example.com]]"),
        mail(STRANGER, "root@example.com", by="outside", shows="Relay access denied"),
    ],
    "single-domain": [
        mail(STRANGER, "info@example.com", by="outside", shows="by local to <info@example.com>"),
        mail(STRANGER, "nobody+list@mail.example.com", by="outside", shows="by local to"),
        mail(STRANGER, "who@example.com", by="outside", shows="550 5.1.1 <who@example.com>"),
        mail(STRANGER, "other@far.example", by="outside", shows="554 5.7.1 <other@far.example>"),
        mail("nobody", STRANGER, shows="from <nobody@example.com>"),
        mail(STRANGER, "postmaster", by="outside", shows="<postmaster@example.com>"),
    ],
    "shared-domains": [
        mail(STRANGER, "info@example.com", by="outside", shows="by local to <info@example.com>"),
        mail(STRANGER, "info@example.net", by="outside", shows="by local to <info@example.net>"),
        mail(STRANGER, "nobody@example.org", by="outside", shows="by local to"),
        mail(STRANGER, "who@example.org", by="outside", shows="550 5.1.1 <who@example.org>"),
        mail(
            "ann@example.net", STRANGER, shows=["from <ann@example.com>", "From: ann@example.com"]
        ),
        mail("ann@example.com", STRANGER, by="sendmail", shows="by smtp to"),
    ],
    "separate-domains-system-accounts": [
        mail(STRANGER, "info@example.net", by="outside", shows="by local to <ann@example.com>"),
        mail(STRANGER, "sales@example.net", by="outside", shows="by local to <bob@example.com>"),
        mail(
            STRANGER, "jane@example.org", by="outside", shows="<jane@far.example> at [far.example]"
        ),
        mail(STRANGER, "ann@example.net", by="outside", shows="550 5.1.1 <ann@example.net>"),
        mail(STRANGER, "nobody@example.com", by="outside", shows="by local to"),
        mail(STRANGER, ["info@example.org", "sales+x@example.net"], by="outside"),
    ],
    "separate-domains-virtual-accounts": [
        mail(STRANGER, "ann@example.com", by="outside", shows="by virtual to <ann@example.com>"),
        mail(STRANGER, "ann+list@example.com", by="outside", shows="<ann+list@example.com>"),
        mail(STRANGER, "team@example.com", by="outside", shows="to <bob@example.com>"),
        mail(STRANGER, "old+x@example.net", by="outside", shows="<info+x@example.net>"),
        mail(STRANGER, "who@example.net", by="outside", shows="550 5.1.1 <who@example.net>"),
        mail(None, "root", by="sendmail", shows="by local to <root@mail.example.com>"),
        mail("ann@example.com", STRANGER, shows="by smtp to"),
    ],
    "inbound-gateway": [
        mail(STRANGER, "ann@example.com", by="outside", shows="at [[inside.example.com]]"),
        mail(STRANGER, "any@example.net", by="outside", shows="at [[10.0.0.25]:2525]"),
        mail(STRANGER, "who@example.com", by="outside", shows="550 5.1.1 <who@example.com>"),
        mail(STRANGER, "other@far.example", by="outside", shows="554 5.7.1 <other@far.example>"),
        mail(STRANGER, "postmaster", by="outside", shows="<postmaster@example.com> at"),
        mail("you", "ann@example.com", by="outside", shows="504 5.5.2 <you>"),
        mail("", "ann@example.com", by="outside", shows="from <>"),
        mail(STRANGER, "ann@sub.example.com", by="outside"),
    ],
    "outbound-gateway": [
        mail("app@web1.example.com", STRANGER, shows="from <app@example.com>"),
        mail("root@web1.example.com", STRANGER, shows="From: root@web1.example.com"),
        mail("app@example.com", STRANGER, "Subject: x\n\nx\n", shows="Message-Id: <MADE-ID"),
        mail("app@example.com", "ann@example.com", shows="at [[inside.example.com]]"),
        mail("app@example.com", "ann@web2.example.com", shows="at [[inside.example.com]]"),
        mail(STRANGER, "ann@example.com", by="outside", shows="554 5.7.1"),
        mail("", STRANGER, shows="from <>"),
    ],
    "roaming-users": [
        mail("ann@private.example", STRANGER, shows="at [[smtp.private.example]:587]"),
        mail("ann", STRANGER, by="sendmail", shows="at [[mail.example.com]:587]"),
        mail("any@club.example", STRANGER, shows="at [[mail.club.example]]"),
        mail("other@far.example", STRANGER, shows="at [[mail.example.com]:587]"),
        mail("", STRANGER, shows="at [[mail.example.com]:587]"),
        mail(None, "root", by="sendmail", shows="from <ann@example.com>"),
    ],
    "backup-mx": [
        mail(STRANGER, "ann@example.com", by="outside", shows="by relay to"),
        mail(STRANGER, "any@example.net", by="outside", shows="at [example.net]"),
        mail(STRANGER, "who@example.com", by="outside", shows="550 5.1.1 <who@example.com>"),
        mail(STRANGER, "other@far.example", by="outside", shows="554 5.7.1"),
        mail("ann@example.com", "bob@example.com", by="outside", shows="by relay to"),
    ],
    "firewall": [
        mail(STRANGER, "ann@example.com", by="outside", shows="at [[mail.inside.example.com]]"),
        mail(STRANGER, "ann@eng.example.com", by="outside", shows="at [[mail.eng.example.com]]"),
        mail(STRANGER, "ann@lab.eng.example.com", by="outside", shows="at [[10.1.2.3]:2525]"),
        mail(STRANGER, "ann@sales.example.com", by="outside", shows="[[mail.inside.example.com]]"),
        mail(STRANGER, "ann@x.eng.example.com", by="outside", shows="[[mail.inside.example.com]]"),
        mail(
            STRANGER, "ann@old.example.com", by="outside", shows="550 5.1.2 <ann@old.example.com>"
        ),
        mail(STRANGER, "postmaster", by="outside", shows="<postmaster@example.com>"),
        mail("x@lab.eng.example.com", "ann@example.com", by="outside", shows="does not write from"),
        mail("x@lab.eng.example.com", STRANGER, shows="by smtp to"),
        mail("ann@example.com", "ann@old.example.com", by="sendmail", shows="5.1.2 bounced"),
    ],
    "mailing-lists": [
        mail(STRANGER, "news+subscribe@lists.example.com", by="outside", shows="by mlmmj to"),
        mail(STRANGER, "members@club.example", by="outside", shows="<members@lists.example.com>"),
        mail(STRANGER, "news+x@shop.example", by="outside", shows="<news+x@lists.example.com>"),
        mail(STRANGER, "other@lists.example.com", by="outside", shows="550 5.1.1"),
        mail(STRANGER, "owner@shop.example", by="outside", shows="by virtual to"),
        mail(STRANGER, "postmaster@club.example", by="outside", shows="by local to"),
        mail(STRANGER, ["news@shop.example", "board@club.example"], by="outside"),
    ],
    SRS: [
        mail(STRANGER, "bob@example.com", by="outside", shows="=far.example=you@example.com>"),
        mail(STRANGER, "info@example.com", by="outside", shows="by local to <ann@localhost"),
        mail("ann@example.com", "bob@example.com", by="outside", shows="from <ann@example.com>"),
        mail("", "bob@example.com", by="outside", shows="from <>"),
        mail("", "SRS0=bad0=ZZ=far.example=you@example.com", by="outside", shows="550 5.1.1"),
        mail(STRANGER, "other@far.example", by="outside", shows="554 5.7.1"),
    ],
}


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    """What commands that run in forks of the test would each import."""
    for name in (
        "checking.check",
        "checking.named_tables",
        "explanation.explain",
        "explanation.report",
    ):
        importlib.import_module(f"spoolmta.cli.{name}")


@contextmanager
def postsrsd(folder: Path) -> Iterator[tuple[int, int]]:
    """Run Debian's postsrsd with the page's domain; yield its two ports."""
    secret = folder / "postsrsd.secret"
    secret.write_text("a secret of a test\n")
    forward, reverse = free_port(), free_port()
    arguments = [f"-s{secret}", "-dexample.com", "-Xexample.net", f"-f{forward}", f"-r{reverse}"]
    process = subprocess.Popen(["/usr/sbin/postsrsd", "-4", "-l127.0.0.1", *arguments])

    def answers() -> bool:
        asked = ["/usr/sbin/postmap", "-q", "x@y.example", f"tcp:127.0.0.1:{forward}"]
        return b"SRS0" in subprocess.run(asked, capture_output=True, check=False).stdout

    try:
        wait_for(answers, 20, "postsrsd")
        yield forward, reverse
    finally:
        process.terminate()
        process.wait()


def site(name: str) -> Site:
    """Return the page's site; our addresses stand for those of the page's networks."""
    page = setup_pages.read(name, "{etc}")
    main = re.sub(r"(?m)^(inet_interfaces|proxy_interfaces) = .*\n", "", page.files["main.cf"])
    main = re.sub(r"(?m)^(minimal|maximal)_backoff_time = .*\n", "", main)
    return Site(
        name,
        main=main.replace("127.0.0.0/8", "127.0.0.1/32"),
        master=page.files.get("master.cf", ""),
        files=page.tables,
        cases=CASES[name],
        stock=LIMITS,
    )


@pytest.mark.parametrize("name", [name for name in CASES if name != SRS])
def test_both_systems_agree(name: str) -> None:
    agree(site(name))


def test_both_systems_agree_on_srs(tmp_path: Path) -> None:
    with postsrsd(tmp_path) as (forward, reverse):
        plain = site(SRS)
        main = plain.main.replace("10001", str(forward)).replace("10002", str(reverse))
        agree(Site(SRS, main=main, files=plain.files, cases=plain.cases, stock=plain.stock))


def test_every_page_is_tested_and_listed() -> None:
    listed = re.findall(r"\(([a-z-]+)\.md\)", (setup_pages.PAGES / "README.md").read_text())
    assert sorted(CASES) == setup_pages.names() == sorted(listed)


@pytest.fixture
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> setup_pages.Page:
    """The page's configuration in a folder, with its tables built."""
    page: setup_pages.Page = setup_pages.read(request.param, str(tmp_path))
    for name, text in page.files.items():
        (tmp_path / name).write_text(text)
    places = f"queue_directory = {tmp_path}/queue\nmail_owner = root\n"
    (tmp_path / "main.cf").write_text(page.files["main.cf"] + places)
    services = (Path(__file__).parents[2] / "support" / "mail_system.py").read_text()
    stock = services.partition('SERVICES = """\\\n')[2].partition('"""')[0].format(port=2525)
    (tmp_path / "master.cf").write_text(stock + page.files.get("master.cf", ""))
    for table in re.findall(r"hash:(\S+?)[,\s]", page.files["main.cf"] + "\n"):
        build = postalias if table.endswith("aliases") else postmap
        assert ours(build.main, build.__name__, "-c", str(tmp_path), f"hash:{table}").err == ""
    return page


@pytest.mark.parametrize("placed", CASES, indirect=True)
def test_check_finds_nothing_wrong(placed: setup_pages.Page, tmp_path: Path) -> None:
    said = ours(spoolmta, "spoolmta", "-c", str(tmp_path), "check")
    complaints = [line for line in said.err.splitlines() if re.search(r": (error|warning):", line)]
    # Of accounts and programs that this machine does not have.
    known = r"unknown username: mlmmj|there is no program /usr/bin/mlmmj"
    assert not [line for line in complaints if not re.search(known, line)]


@pytest.mark.parametrize("placed", CASES, indirect=True)
def test_explain_says_what_the_page_says(placed: setup_pages.Page, tmp_path: Path) -> None:
    assert placed.explained or placed.name == SRS
    for words, shown in placed.explained:
        said = ours(spoolmta, "spoolmta", "-c", str(tmp_path), *words.split())
        assert shown in said.out, f"{words}\n{said.out}{said.err}"
