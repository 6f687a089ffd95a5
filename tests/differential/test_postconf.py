"""postconf of parameters: the same bytes, warnings, status and files as Postfix's.

Meant differences, which the cases keep clear of:
- a listing of all parameters: ours knows those of newer releases and its own, and other folders;
- the usage text;
- what -b and -t print of built-in templates: the words are our own;
- behind "macro processing error" stands where, and what was expected.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from spoolmta.cli import postconf
from tests.support.oracle import Answer, needs_postfix, ours, postfix

pytestmark = needs_postfix

MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
maildrop  unix  -       n       n       -       -       pipe flags=DRXhu user=vmail argv=/bin/cat
"""
SITE = """\
# the site
myhostname = mx.example.com
relayhost = $relay,
   # a comment inside
   more

relay = [relay.example]:587
mydestination = localhost, localhost.localdomain, a.example, b.example, c.example, d.example
maildrop_destination_recipient_limit = 1
one = reject
smtpd_restriction_classes = one
"""


class Case(NamedTuple):
    """A main.cf, and what postconf is asked."""

    main: str
    arguments: tuple[str, ...]


class Outcome(NamedTuple):
    """What a call left behind."""

    answer: Answer
    main: str
    master: str


OPTIONS = [
    Case(SITE, (f"-{one}", f"-{other}", "myhostname"))
    for one, other in combinations("aAdefFhHlMnpPxX#", 2)
]
CALLS = [
    Case(SITE, tuple(arguments.split("|")))
    for arguments in (
        "-n", "-nh", "-nH", "-nx", "-nhf", "-C|user", "-C|user,nothing", "-n|-C|user",
        "-h|myhostname", "-H|myhostname|relay", "-x|relayhost", "-f|mydestination", "nothing",
        "-d|maildrop_time_limit", "maildrop_destination_recipient_limit", "maildrop_time_limit",
        "-dx|smtpd_banner|bounce_queue_lifetime", "-x|-o|relay=other|relayhost",
        "-o|typo=1|myhostname", "-o|typo", "-o|=x", "-e", "-X", "-#", "-MX", "-PX", "-l", "-a",
        "-A", "-T|x", "biff=yes", "a=b", "relay = other", "-X|relay",
        "-X|relayhost",
        "-#|relayhost", "-#|myhostname|one", "-X|nothing", "-e|biff", "-e|a b=c", "-e|=c",
        "-X|a=b", "-#|a=b", "-P|smtp/inet", "-P|submission/inet", "-P|relay/unix/syslog_name",
        "-Px|relay/unix", "-P|*/unix", "-M|smtp", "-M|nothing", "-F|smtp/inet/chroot", "-ph|relay",
    )
]  # fmt: skip
FRAGMENTS = [
    Case(main, ("-n",))
    for main in (
        "", "a=b\n", "a = b\n\n#x\n  c\n # y\n d\n", "a b = c\n", "=c\n", "a\n", "a =\n",
        "a=$b\n", "a=$b\nsmtpd_banner=$a\n", "mynetworks = ${x?{1}:{2}}\n", "a=b \\\n c\n",
        "a = b\r\n", "biff=yes\n", "x_time_limit=1\nmaildrop_time_limit=2\n",
        "smtpd_restriction_classes=a\na=b\n", "alias_maps=ldap:q\nq_server_host=h\n",
        "virtual_maps=x\nfallback_relay=y\n", "myorigin=$mydomain", "relayhost = caf\u00e9\n",
        "a.b = c\n", "biff = ${x:y} $$\n",
    )
]  # fmt: skip
EXPANSIONS = [
    Case(f"relayhost = {value}\none = 1\n", ("-x", "relayhost"))
    for value in (
        "$one", "${one}", "$(one)", "$$one", "a$one.b", "$one-$one", "${one?yes}", "${one:yes}",
        "${one?{yes}:{no}}", "${myorigin?{$one}:{no}}", "${empty?{yes}:{no}}", "${ one }",
        "${one ?yes}", "${one? yes}", "${one?{yes} : {no}}", "${one?{yes}:no}", "$(one?yes)",
        "${{1} == {1} ? {yes} : {no}}", "${{1} != {1} ? {yes} : {no}}", "${{1}=={1}}",
        "${{1}=={2}}", "${{2} < {10} ? {yes} : {no}}", "${{b} < {a} ? {yes} : {no}}",
        "${{2} >= {10} ? {yes} : {no}}", "${{2} > {10} ? {yes} : {no}}", "${{a}=={b}?a:b}",
        "${{3.9} <level {3.10} ? {yes} : {no}}", "${{3.10} <=level {3.9} ? {yes} : {no}}",
        "${{3} ==level {3.0} ? {yes} : {no}}", "${{$one} == {1} ? {$one$one} : {no}}",
        "${{3.6.1} >level {3.6} ? {yes} : {no}}", "${{3} !=level {2} ? {yes} : {no}}",
        "${one?{${one?{deep}:{}}}:{no}}", "${{1}=={2}:{no}}", "${{} == {$empty} ? {yes} : {no}}",
    )
]  # fmt: skip
FAULTS = [
    Case(f"{name} = {value}\none = 1\nrelayhost = $one\n", (option,))
    for name, option in (("myorigin", "-nx"), ("mine", "-n"))
    for value in (
        "a$", "$ b", "${", "${}", "${?}", "$(", "$(one}", "${-}", "${one?{a}{b}}", "${one-x}",
        "${one:{a}:{b}}", "${one x}", "${{1} ~ {2}}", "${{1} == 2}", "${{1} == {2} x}",
        "${{1} ==? {2}}", "${{1} == {2} ? {a} b}", "${{1} ==levels {2}}", "${{$} == {1}}",
        "${one?{a}:{b} c}", "${{1} ~ {a long text behind what was to be an operator}}",
        "$one${", "${one?{a$}}", "${one?{${}:{b}}", "${$}", "${{1}}",
    )
] + [
    Case(main, (option,))
    for option in ("-n", "-nx", "-M", "biff")
    for main in (
        "compatibility_level = x\n", "compatibility_level = 3.1024\n", "relayhost = $relayhost\n",
        "compatibility_level = $x\nx = 3.-1\n", "relayhost = $a\na=$b\nb = $(c)x\nc=$relayhost\n",
        "relayhost = $b\nb = ${b}x\n", "relayhost = $b\nb = a$\n", "relayhost = ${x?$b}\nb=a$\n",
        "forward_path = $home ${\n", "relayhost = ${{3.x} <level {3.9} ? {a}}\n",
        "smtp_recipient_limit = $(\n", "myorigin = /no/file\n",
    )
]  # fmt: skip
USES = [
    Case(main, (option,))
    for option in ("-n", "-nx", "-M", "-P")
    for main in (
        "mine = $one\none = 1\n", "mine = ${{$a} == {$b} ? {$c} : {$d}}\na=1\nb=2\nc=3\nd=4\n",
        "relayhost = $x $x\nmyorigin = $x\n", "relayhost = $mine\nmine = ldap:q\nq_bind = 1\n",
        "mine = x\n", "relayhost = ldap:$x\nx = q\nq_bind = no\n",
        "relayhost = proxy:mysql:/no/file.cf, ldap:/no/file.cf mysql:/no/file.cf\n",
        "relayhost = unionmap:{ldap:q, { proxy:pgsql:r}}\nq_timeout=1\nr_dbname=2\n",
        "relayhost = debug:ldap:q\nq_timeout=1\n", "relayhost = ldap:q\nq_typo=1\n",
        "relayhost = ${x?{ldap:q}:{pgsql:r}}\nq_timeout=1\n", "biff=no\nbiff=no\n",
        "smtpd_restriction_classes = $x,y\nx = z\nz = permit,$k\ny = reject\nk = 1\n",
    )
]  # fmt: skip
EDITS = [
    Case(SITE, tuple(arguments.split("|")))
    for arguments in (
        "-MX|badname", "-M#|badname", "-M|badname=x", "-MX|a/b/c", "-Me|a/b/c=x", "-MX|smtp/",
        "-Fe|smtp/inet=x", "-F|smtp=x", "-Pe|smtp/inet=x", "-PX|smtp", "-P|smtp/inet/=b", "-MX|/",
        "-FX|smtp/inet/chroot", "-P#|smtp/inet/x", "-Me|smtp/inet", "-M|=x", "-MX|smtp/*",
        "-M#|*/unix", "-M|smtp/inet=", "-M|smtp/inet=smtp inet n", "-F|smtp/inet/foo=q",
        "-F|smtp/inet/chroot=q", "-F|smtp/inet/service=a b", "-P|a/b/c=d", "-F|a/b/chroot=y",
        "-PX|a/b/c", "-MX|a/b", "-PX|smtp/inet/nothing", "-P|*/*/x=1", "-F|*/unix/chroot=n",
        "-F|smtp/inet/wakeup=60?", "-F|smtp/inet/wakeup=x", "-F|smtp/inet/type=foo",
        "-M|new/unix=new unix - - n - - smtp", "-M|smtp/inet=x inet n - - - - smtpd -o",
        "-MX|smtp/inet|relay/unix", "-PX|*/*/syslog_name", "-P|smtp/inet/a=b=c",
        "-M|smtp/*=smtp inet n - - - - smtpd", "-M|a/b=smtp foo n - - - - smtpd",
    )
]  # fmt: skip
MENDING = [
    Case(main, tuple(arguments.split("|")))
    for main in ("no definition\n", "compatibility_level=x\n", "a=1\na=2\n", "  a=1\nb=2\n")
    for arguments in (
        "a=9", "a=", "-X|a", "-#|a", "-X|q", "-e|a=b|a=c", "-X|", "#x=y", "-X|#x",
    )
] + [
    Case(main, ("-n",))
    for main in ("biff=no\n\x01a=b\n", "mine=a\tb\x7f\n", "a\r\n", "biff\x0b= no\n")
]  # fmt: skip
LEGACY = [
    Case(main, tuple(arguments.split("|")))
    for main in ("fallback_relay = x\nvirtual_maps = $one\nbiff = no\none = 1\n", "")
    for arguments in (
        "-n", "-n|-C|user", "-n|-C|builtin", "-n|-C|service", "fallback_relay|one", "-C|user",
        "-d|virtual_maps|one", "-C|user|biff", "-C|builtin|smtp_time_limit|relay_recipient_limit",
    )
]  # fmt: skip
CASES = LEGACY + MENDING + OPTIONS + CALLS + EDITS + FRAGMENTS + EXPANSIONS + FAULTS + USES


def named(case: Case) -> str:
    return f"{case.main[:40] if case.main != SITE else ''} {' '.join(case.arguments)}"


def written(folder: Path, case: Case) -> Path:
    folder.mkdir()
    (folder / "main.cf").write_text(case.main)
    (folder / "master.cf").write_text(MASTER)
    return folder


def outcome(folder: Path, answer: Answer) -> Outcome:
    def plain(text: str) -> str:
        text = text.replace(str(folder), "DIR").replace("/usr/sbin/postconf:", "postconf:")
        text = re.sub(r" \((expected|line) [^()]*\)", "", text)
        return re.sub("(fatal: macro processing error): .*", r"\1", text)

    def without_order(text: str) -> str:
        """Postfix warns in the order of a hash table, and of a fault before it dies or not."""
        lines = text.splitlines()
        return "\n".join(sorted(set(lines) if "macro processing error" in text else lines))

    return Outcome(
        Answer(answer.status, plain(answer.out), without_order(plain(answer.err))),
        (folder / "main.cf").read_text(),
        (folder / "master.cf").read_text(),
    )


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Outcome]]:
    """All answers of Postfix, asked at one time: it sleeps for a second after a fatal error."""
    root = tmp_path_factory.mktemp("postfix")

    def ask(number: int) -> Outcome:
        folder = written(root / str(number), CASES[number])
        return outcome(folder, postfix("postconf", "-c", str(folder), *CASES[number].arguments))

    with ThreadPoolExecutor(32) as pool:
        yield dict(zip(CASES, pool.map(ask, range(len(CASES))), strict=True))


@pytest.mark.parametrize("case", CASES, ids=named)
def test_postconf_answers_as_postfix_does(
    case: Case, tmp_path: Path, expected: dict[Case, Outcome]
) -> None:
    folder = written(tmp_path / "ours", case)
    answer = ours(postconf.main, "postconf", "-c", str(folder), *case.arguments)
    assert outcome(folder, answer) == expected[case]
