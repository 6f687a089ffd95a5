"""Values that a parameter does not take, told in the words of Postfix's daemons.

Ours tells file and line before, and in brackets what it expected; between them stands what
Postfix says. What Postfix takes, ours takes.

Meant differences, which the cases keep clear of:
- a time without digits (soon) is refused; Postfix takes its first letter for a unit: 0 seconds;
- the codes of refusals must be 400 to 599; Postfix sends whatever they are;
- a complaint about a word that is the default of another parameter (the ..._tempfail_action)
  names the parameter that was set.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from spoolmta.config.loader import from_text
from spoolmta.config.parameters import sections
from spoolmta.errors import ConfigError
from tests.support.daemon_oracle import complaint
from tests.support.oracle import needs_postfix

pytestmark = [needs_postfix, pytest.mark.root]

NUMBERS = (
    "", "5", "+5", "-5", "-0", "0", "0x10", "010", "5 5", "5k", "1e3", "1.5", "- 5", "+-5", "x",
    "2147483647", "2147483648", "-2147483649", "4294967297", "99999999999999999999999999",
)  # fmt: skip
SIZES = ("9223372036854775807", "9223372036854775808", "-1", "+7", "1 2", "", "10M")
TIMES = (
    "", "5", "5s", "5S", "5 s", "1y", "-1", "-1s", "+1", "1.5h", "1h30m", "5min", "07", "0", "0w",
    "-", "+", "2147483647", "2147483648", "35791393m", "35791394m", "596522h", "596523h",
    "3549w", "3550w", "99999999999",
)  # fmt: skip
FLAGS = ("yes", "YES", "nO", "1", "true", "", "yes no", "$nothing", "n")
QUESTIONS = [
    *(("smtpd", f"smtpd_recipient_limit = {value}") for value in NUMBERS),
    *(("smtpd", f"message_size_limit = {value}") for value in SIZES),
    *(("smtpd", f"smtpd_error_sleep_time = {value}") for value in TIMES),
    *(("trivial-rewrite", f"swap_bangpath = {value}") for value in FLAGS),
    *(
        (daemon, setting)
        for daemon, settings in {
            "smtpd": (
                "line_length_limit = 1", "delay_logging_resolution_limit = 9", "mail_name =",
                "delay_logging_resolution_limit = -1", "syslog_name =", "mydomain =", "myorigin =",
                "relay_transport = smtp", "double_bounce_sender =", "mynetworks_style = bad",
                "mynetworks_style =", "info_log_address_format =", "compatibility_level = x",
                "compatibility_level =", "compatibility_level = 9", "mail_owner =",
                "process_id_directory =", "mail_version =", "default_database_type =",
                "soft_bounce = 2", "smtpd_banner =", "bounce_notice_recipient =",
                "smtpd_forbid_bare_newline = x", "smtpd_forbid_bare_newline = NO",
                "duplicate_filter_limit = -1", "smtpd_timeout = 0", "ipc_timeout = 0",
                "smtpd_hard_error_limit = 0", "smtpd_forbid_bare_newline_reject_code = 499",
                "smtpd_forbid_bare_newline_reject_code = 600", "inet_interfaces =",
            ),
            "cleanup": (
                "header_from_format = x", "header_from_format = OBSOLETE", "header_from_format =",
                "hopcount_limit = 0", "hopcount_limit = -1", "header_size_limit = 0",
                "always_add_missing_headers = x", "undisclosed_recipients_header =",
            ),
            "qmgr": (
                "maximal_queue_lifetime = 0", "maximal_queue_lifetime = 100",
                "maximal_queue_lifetime = 101", "maximal_queue_lifetime = 24855",
                "bounce_queue_lifetime = 2400h", "bounce_queue_lifetime = 2401h",
                "minimal_backoff_time = 0", "default_destination_concurrency_limit = -1",
            ),
            "smtp": (
                "smtp_dns_support_level = x", "smtp_dns_support_level =", "smtp_helo_timeout = 0",
                "smtp_dns_support_level = DNSSEC", "smtp_address_preference = x",
                "smtp_address_preference =", "smtp_address_preference = IPV6",
                "smtp_mx_address_limit = -1", "smtp_connection_cache_time_limit = 0",
            ),
            "local": (
                "deliver_lock_attempts = 0", "command_expansion_filter =", "stale_lock_time = 0",
                "mailbox_delivery_lock =",
            ),
            "virtual": ("virtual_minimum_uid = 0", "virtual_mailbox_limit = -1"),
            "bounce": (
                "bounce_size_limit = 0", "2bounce_notice_recipient =", "delay_notice_recipient =",
            ),
        }.items()
        for setting in settings
    ),
]  # fmt: skip


def ours(setting: str) -> str:
    """Return what ours says of *setting*, without place and expectation; "" if it takes it."""
    name = setting.partition(" =")[0]
    section = next(section for section in sections() if name in section.parameters)
    try:
        from_text(setting).section(section)
    except ConfigError as error:
        return re.sub(r" \(expected .*\)$", "", str(error).removeprefix("main.cf, line 1: "))
    return ""


@pytest.fixture(scope="module")
def expected() -> Iterator[dict[tuple[str, str], str]]:
    """What Postfix says, asked at one time: a daemon sleeps for a second after a fatal error."""
    with TemporaryDirectory(prefix="values") as root, ThreadPoolExecutor(32) as pool:

        def ask(number: int) -> str:
            return complaint(Path(root) / str(number), *QUESTIONS[number]).rstrip()

        yield dict(zip(QUESTIONS, pool.map(ask, range(len(QUESTIONS))), strict=True))


@pytest.mark.parametrize("question", QUESTIONS, ids="; ".join)
def test_a_value_is_taken_or_refused_as_by_postfix(
    question: tuple[str, str], expected: dict[tuple[str, str], str]
) -> None:
    assert ours(question[1]).rstrip() == expected[question]
