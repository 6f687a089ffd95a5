"""Whole calls of postconf, put together at random: the same bytes, status and files as Postfix's.

The seeds are fixed. What is meant to differ stands in tests/support/postconf_oracle.py.
"""

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from tests.support.oracle import needs_postfix
from tests.support.postconf_oracle import Case, Outcome, alike, answers_of_postfix, by_ours

pytestmark = needs_postfix

SEEDS = range(400)
SHARES = 20

MAIN = (
    "biff = no", "biff=yes", "biff = $typo", "relayhost = $relay,", "   more", "# note", "",
    "relay = [relay.example]:587", "  # inside", "mine = $one", "one = reject", "empty =",
    "mydestination = localhost, a.example,\tb.example  c.example", "two = permit,$relay",
    "smtpd_restriction_classes = one, two", "process_id = 5", "service_name = x", "a.b = c",
    "process_name = me", "stress = yes", "mail_version = 9", "q_server_host = h", "q_typo = 1",
    "virtual_alias_maps = ldap:q, inline:{a=b, {c = d e}}", "smtp_recipient_limit = 7",
    "transport_maps = unionmap:{ldap:q,static:x}", "pipe_time_limit = 9s", "x-y = z",
    "x_destination_recipient_limit = 1", "mynetworks = ${one?{1}:{2}}", "virtual_maps = hash:/x",
    "myorigin = ${{$one} == {reject} ? {a b} : {c}}", "queue_directory = /q$$x",
    "import_environment = { A = b c }, TZ, LANG=C", "smtpd_milters = { inet:h:1, timeout = 1s }",
    "smtpd_client_restrictions = check_policy_service { inet:h:1, default_action=DUNNO }",
    "alias_maps = hash:/etc/aliases, $alias_extra", "relay_domains = $mydestination",
    "forward_path = $home/.forward${recipient_delimiter}", "fallback_relay = $q",
    'mailbox_command = /bin/x -a "$EXTENSION"', "smtpd_banner = $myhostname  ESMTP   $mail_name",
    "long = " + " ".join(f"word{number}" for number in range(14)),
    "smtp_tls_policy_maps = mysql:/no/such.cf", "default_transport = smtp:$relayhost",
    "smtpd_sender_restrictions=reject", "smtpd_proxy_filter = caf\u00e9", "other = caf\u00e9",
)  # fmt: skip
FAULTY_MAIN = (
    " indented = x", "no definition", "= x", "bad name = y", "relayhost = $(one", "mine = ${one",
    "mydestination = a {b c", "virtual_alias_maps = inline:{a=b", "relayhost = $relayhost",
    "relayhost = ${}", "mynetworks = ${one?{a}{b}}", "mine = { a } }", "mydestination = {a}b {c",
    "two = ${one-x}", "smtpd_milters = { inet:h:1, timeout", "relay = $relayhost",
)  # fmt: skip
MASTER = (
    "smtp      inet  n       -       y       -       -       smtpd", "# comment", "", "  # inner",
    "submission inet n - n - - smtpd", "  -o smtpd_tls_security_level=encrypt",
    "  -o syslog_name=postfix/$service_name -o relayhost=$relay", "smtp unix - - y - - smtp",
    "relay unix - - y - 5 smtp", "        -o smtp_helo_timeout=5 -v", "  -o process_id=7",
    "pipe unix - n n - - pipe flags=R user=v argv=/bin/cat ${sender} {a  b} c",
    "  -o { smtpd_client_restrictions = permit_mynetworks, reject }",
    "x unix - - n - - lmtp -o biff=$mine -o mine=local", "y unix-dgram n - n - 1 postlogd",
    "z pass - - n - - smtpd -vv", "tlsmgr unix - - n 1000? 1 tlsmgr",
    "w unix - n n - - spawn user=nobody argv=/bin/x", "  -o typo=$nobody -o other=1",
    "k unix - - n - - smtp -o {one = a  b} -o service_name=kk", "q fifo n - n 300 1 qmgr",
    "127.0.0.1:10025 inet n - n - - smtpd -o content_filter= -o smtpd_milters={inet:h:1}",
)  # fmt: skip
FAULTY_MASTER = (
    "short unix - - n", "x foo - - n - - a", "x unix q - n - - a", " indented unix - - n - - a",
    "n unix - - n - - smtp -o {a=b", "n unix - - n - - smtp -o {a b}", "n unix - - n - - smtp -o a",
    "n unix - - n - - smtp {a}b c", "n unix - - n - - smtp -o =x", "n unix - - n - - smtp -o",
)  # fmt: skip
NAMES = (
    "biff", "relayhost", "relay", "mydestination", "one", "mine", "two", "nothing", "myorigin",
    "smtp_recipient_limit", "pipe_time_limit", "process_id", "virtual_maps", "smtpd_banner", "long",
    "stress", "mail_name", "default_transport", "queue_run_delay", "smtpd_sender_restrictions",
)  # fmt: skip
VALUES = ("yes", "", "a b", "$one", "{ a b }", "x = y", "  c  ", "caf\u00e9")
SERVICES = (
    "smtp/inet", "smtp/unix", "relay/unix", "submission/inet", "*/unix", "*/inet", "pipe/unix",
    "nothing/unix", "smtp/*", "x/unix", "*/*", "n/unix", "smtp", "x/",
)  # fmt: skip
FIELDS = (
    "chroot", "command", "private", "process_limit", "wakeup", "service", "type", "unprivileged",
    "foo", "*",
)  # fmt: skip
FIELD_VALUES = (
    "n", "y", "-", "5", "60?", "smtpd -v", "smtp -o a=b  -o { c = d  e } f", "unix", "q", "a b",
)  # fmt: skip
OPTIONS_OF_SERVICES = ("syslog_name", "biff", "relayhost", "new", "*", "mine", "process_id")
LINES = (
    "smtp inet n - n - 5 smtpd -v", "new unix - - n - - smtp -o {a=b  c} -o d=e x y", "bad line",
    "relay unix - - n - - smtp", "other foo - - n - - x", "smtp unix - - n - - smtp -o { a = b } c",
    "n unix - n n - - pipe flags=R user=nobody argv=/bin/x  {a b} c",
)  # fmt: skip
LETTERS = "dne#XxfhHpPMFlaAnxfMPF"
CLASSES = ("user", "builtin", "service", "all", "user,service", "x", "USER")
OVERRIDES = ("relay=x", "one = q r", "typo", "=x", "biff=$mine", "process_id=7", "new=1")
OF_MASTER = frozenset(("-M", "-P", "-F"))


def case_of(seed: int) -> Case:
    """Return a call; the same for the same *seed*."""
    chance = Random(seed)
    main = text_of(chance, MAIN, FAULTY_MAIN, 9, 0.25)
    master = text_of(chance, MASTER, FAULTY_MASTER, 7, 0.15)
    options = [f"-{letter}" for letter in chance.sample(LETTERS, chance.choice((1, 1, 2, 2, 3)))]
    arguments = list(options)
    if chance.random() < 0.12:
        arguments += ["-C", chance.choice(CLASSES)]
    if chance.random() < 0.12:
        arguments += ["-o", chance.choice(OVERRIDES)]
    if OF_MASTER.isdisjoint(options) or chance.random() < 0.7:
        arguments.append(operand_of(chance, options))
        if "-n" in options or not OF_MASTER.isdisjoint(options):
            arguments += [operand_of(chance, options)] * chance.randrange(2)
    return Case(main, master, tuple(arguments))


def text_of(
    chance: Random, good: tuple[str, ...], faulty: tuple[str, ...], most: int, risk: float
) -> str:
    lines = chance.sample(good, chance.randrange(most))
    if chance.random() < risk:
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(faulty))
    return "".join(f"{line}\n" for line in lines)


def operand_of(chance: Random, options: list[str]) -> str:
    edits = "-e" in options or chance.random() < 0.3
    service = chance.choice(SERVICES)
    if "-M" in options:
        return f"{service}={chance.choice(LINES)}" if edits else service
    if "-F" in options:
        field = f"{service}/{chance.choice(FIELDS)}"
        return f"{field}={chance.choice(FIELD_VALUES)}" if edits else field
    if "-P" in options:
        option = f"{service}/{chance.choice(OPTIONS_OF_SERVICES)}"
        return f"{option}={chance.choice(VALUES)}" if edits else option
    name = chance.choice(NAMES)
    return f"{name}={chance.choice(VALUES)}" if edits else name


CASES = [case_of(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, Outcome]:
    return answers_of_postfix("generated", CASES, tmp_path_factory)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_generated_call_is_answered_as_postfix_does(
    share: int, tmp_path: Path, expected: Mapping[Case, Outcome]
) -> None:
    for number, case in enumerate(CASES[share::SHARES]):
        found = by_ours(tmp_path / str(number), case)
        assert alike(found) == alike(expected[case]), case


def test_most_options_are_among_the_generated_calls() -> None:
    given = {argument for case in CASES for argument in case.arguments}
    assert {f"-{letter}" for letter in f"{LETTERS}oC"} <= given
    assert len(set(CASES)) > len(CASES) * 0.95
