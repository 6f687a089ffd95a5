"""master.cf as Debian's Postfix and ours list and edit it: the same bytes, status and file.

What is meant to differ stands in tests/support/postconf_oracle.py.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.oracle import needs_postfix
from tests.support.postconf_oracle import Case, Outcome, alike, answers_of_postfix, by_ours

pytestmark = needs_postfix

MAIN = "compatibility_level = 3.6\n"
P = "x unix - - n - - smtpd"
TWO = "a unix - - n - - smtp -v -o x=y\n   -o z=1 # d\n#e\nb inet n - - - - smtpd\n"
FRAGMENTS = (
    P, TWO, "", "smtp inet n - n - smtpd", "smtp foo n - n - - smtpd", "x unix Y - n - - a",
    "x unix - x n - - a", "x unix - - q - - a", "x unix - - n x - a", "x unix - - n 5?? - a",
    "x unix - - n - -1 a", "x unix - - n - 5? a", "x unix - - n 1000? 0 a",
    f"{P} -vvo a=b", f"{P} -- -o a=b", f"{P} -o {{a = {{ b c }} }}", f"{P} -o a= -o b=c=d",
    f"{P} {{-o}} a=b", f"{P} a{{b c}}d", f"{P} {{ a }} {{b  c}}", f"{P} -o a=b -o a=c",
    f"{P} -o {{a=b  c}} -v d a{{g  h}} {{e\tf}}", f"{P} -o a=b {' '.join(['word'] * 20)}",
    "x unix-dgram - - n - - s\ny pass - - - - - s\nz fifo - - - - - p",
    "x unix - n n - - pipe flags=R user=v argv=/b -f ${sender} {a b}",
    " \n# c\n\nx unix - - - - - a\n#\n -o b=c",
)  # fmt: skip
SITE = """\
# services
smtp      inet  n       -       y       -       -       smtpd
submission inet n - y - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o { smtpd_client_restrictions = permit_mynetworks, reject }
smtp unix - - n - - smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name

# the end
maildrop  unix  -       n       n       -       -       pipe flags=DR argv=/bin/cat x {a b}
"""
EDITS = (
    "-Me|smtp/inet=smtp inet n - n - 5 smtpd -v", "-M|relay/unix=relay unix - - - - - smtp",
    "-Me|new/unix=new unix - n n - - pipe flags=R user=nobody argv=/bin/cat",
    "-Me|submission/inet=submission inet n - n - - smtpd -o a=b -o { c = d }",
    "-Me|smtp/inet=other unix - - n - - smtp",
    "-Me|a/unix=a unix - - n - - smtp|b/unix=b unix - - n - - smtp",
    "-Fe|smtp/inet/chroot=n", "-Fe|*/inet/chroot=n",
    "-Fe|smtp/*/process_limit=7", "-Fe|smtp/inet/command=smtpd -v -o a=b",
    "-Fe|smtp/inet/command=smtpd a b", "-Fe|smtp/inet/type=unix", "-Fe|smtp/inet/service=25",
    "-Fe|smtp/inet/wakeup=60?", "-F|smtp/unix/private=n",
    "-Pe|submission/inet/smtpd_tls_security_level=may",
    "-Pe|submission/inet/syslog_name=postfix/submission", "-Pe|*/inet/a=b",
    "-Pe|maildrop/unix/a=b", "-Pe|smtp/inet/a=", "-P|smtp/inet/a=b",
    "-Pe|submission/inet/a=1|submission/inet/b=2|smtp/unix/c=3",
    "-Pe|submission/inet/smtpd_client_restrictions=permit",
    "-PX|submission/inet/smtpd_tls_security_level",
    "-PX|submission/inet/smtpd_client_restrictions", "-PX|submission/inet/nothing",
    "-PX|*/inet/smtpd_tls_security_level", "-PX|submission/inet/smtpd_tls_security_level=x",
    "-MX|smtp/inet", "-MX|submission/inet", "-MX|submission/inet|relay/unix", "-MX|nothing/unix",
    "-MX|smtp/inet=x", "-M#|smtp/inet", "-M#|submission/inet", "-M#|nothing/unix",
    "-M#|submission/inet|smtp/unix", "-FX|smtp/inet/chroot", "-F#|smtp/inet/chroot",
    "-P#|submission/inet/smtpd_tls_security_level", "-MX|*/inet", "-MX|smtp/*", "-M#|*/unix",
    "-M#|*/*", "-Me|*/inet=smtp inet n - n - - smtpd", "-Fe|nothing/unix/chroot=n",
    "-Pe|nothing/unix/a=b", "-PX|nothing/unix/a", "-Me|smtp/inet", "-MX|smtp", "-M#|smtp/inet/x",
    "-Me|smtp=smtp inet n - n - - smtpd", "-Fe|smtp/inet/chroot", "-Pe|smtp/inet/a",
    "-PX|smtp/inet", "-Fe|smtp/inet=x", "-Pe|smtp/inet=x",
)  # fmt: skip


LISTINGS = [
    Case(MAIN, f"{fragment}\n", (mode,))
    for fragment in FRAGMENTS
    for mode in ("-M", "-F", "-P", "-Mf", "-Ff", "-FH")
]
CHANGES = [Case(MAIN, SITE, tuple(edit.split("|"))) for edit in EDITS]
CASES = [*LISTINGS, *CHANGES]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, Outcome]:
    return answers_of_postfix("master.cf", CASES, tmp_path_factory)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_master_cf_is_listed_and_changed_as_postfix_does(
    case: Case, tmp_path: Path, expected: Mapping[Case, Outcome]
) -> None:
    assert alike(by_ours(tmp_path / "ours", case)) == alike(expected[case])
