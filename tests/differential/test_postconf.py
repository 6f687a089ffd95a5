"""postconf of parameters: the same bytes, warnings, status and files as Postfix's.

What is meant to differ stands in tests/support/postconf_oracle.py. A listing of all parameters is
compared in test_postconf_defaults.py.
"""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest

from spoolmta.cli.checking.check import findings
from tests.support.oracle import needs_postfix
from tests.support.postconf_oracle import (
    DONE_OTHERWISE,
    SAID_OTHERWISE,
    Case,
    Doing,
    Outcome,
    Saying,
    alike,
    answers_of_postfix,
    by_ours,
    by_postfix,
)

pytestmark = needs_postfix

PACKAGE = Path("/usr/share/postfix")
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


def call(main: str, arguments: tuple[str, ...]) -> Case:
    return Case(main, MASTER, arguments)


OPTIONS = [
    call(SITE, (f"-{one}", f"-{other}", "myhostname"))
    for one, other in combinations("aAdefFhHlMnpPxX#", 2)
]
CALLS = [
    call(SITE, tuple(arguments.split("|")))
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
    call(main, ("-n",))
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
    call(f"relayhost = {value}\none = 1\n", ("-x", "relayhost"))
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
    call(f"{name} = {value}\none = 1\nrelayhost = $one\n", (option,))
    for name, option in (("myorigin", "-nx"), ("mine", "-n"))
    for value in (
        "a$", "$ b", "${", "${}", "${?}", "$(", "$(one}", "${-}", "${one?{a}{b}}", "${one-x}",
        "${one:{a}:{b}}", "${one x}", "${{1} ~ {2}}", "${{1} == 2}", "${{1} == {2} x}",
        "${{1} ==? {2}}", "${{1} == {2} ? {a} b}", "${{1} ==levels {2}}", "${{$} == {1}}",
        "${one?{a}:{b} c}", "${{1} ~ {a long text behind what was to be an operator}}",
        "$one${", "${one?{a$}}", "${one?{${}:{b}}", "${$}", "${{1}}",
    )
] + [
    call(main, (option,))
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
    call(main, (option,))
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
    call(SITE, tuple(arguments.split("|")))
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
    call(main, tuple(arguments.split("|")))
    for main in ("no definition\n", "compatibility_level=x\n", "a=1\na=2\n", "  a=1\nb=2\n")
    for arguments in (
        "a=9", "a=", "-X|a", "-#|a", "-X|q", "-e|a=b|a=c", "-X|", "#x=y", "-X|#x",
    )
] + [
    call(main, ("-n",))
    for main in ("biff=no\n\x01a=b\n", "mine=a\tb\x7f\n", "a\r\n", "biff\x0b= no\n")
]  # fmt: skip
LEGACY = [
    call(main, tuple(arguments.split("|")))
    for main in ("fallback_relay = x\nvirtual_maps = $one\nbiff = no\none = 1\n", "")
    for arguments in (
        "-n", "-n|-C|user", "-n|-C|builtin", "-n|-C|service", "fallback_relay|one", "-C|user",
        "-d|virtual_maps|one", "-C|user|biff", "-C|builtin|smtp_time_limit|relay_recipient_limit",
    )
]  # fmt: skip
CASES = LEGACY + MENDING + OPTIONS + CALLS + EDITS + FRAGMENTS + EXPANSIONS + FAULTS + USES


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, Outcome]:
    return answers_of_postfix("postconf", CASES, tmp_path_factory)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_postconf_answers_as_postfix_does(
    case: Case, tmp_path: Path, expected: Mapping[Case, Outcome]
) -> None:
    assert alike(by_ours(tmp_path / "ours", case)) == alike(expected[case])


@pytest.mark.parametrize("saying", SAID_OTHERWISE, ids=lambda saying: saying.reason)
def test_what_is_said_otherwise_differs_in_nothing_else(saying: Saying, tmp_path: Path) -> None:
    others = [other for other in SAID_OTHERWISE if other != saying]
    own = by_ours(tmp_path / "ours", saying.example)
    differing = 0
    for look in range(5):
        theirs = by_postfix(tmp_path / str(look), saying.example)
        assert alike(own) == alike(theirs)
        differing += alike(own, others) != alike(theirs, others)
    assert differing


@pytest.mark.parametrize("doing", DONE_OTHERWISE, ids=lambda doing: doing.reason)
def test_what_is_done_otherwise_still_is(doing: Doing, tmp_path: Path) -> None:
    own = by_ours(tmp_path / "ours", doing.example)
    assert alike(own) != alike(by_postfix(tmp_path / "theirs", doing.example))


@pytest.mark.parametrize("name", ["main.cf.debian", "main.cf.dist", "main.cf.tls"])
def test_the_files_of_debian_s_package_are_printed_as_postfix_prints_them(
    name: str, tmp_path: Path
) -> None:
    main, master = ((PACKAGE / file).read_text() for file in (name, "master.cf.dist"))
    for number, options in enumerate(("-n", "-M", "-P", "-F", "-Mf", "-nf", "-Mx", "-Px")):
        case = Case(main, master, (options,))
        found = alike(by_ours(tmp_path / f"ours{number}", case))
        assert found == alike(by_postfix(tmp_path / f"theirs{number}", case))
    assert findings(str(tmp_path / "ours0"))
