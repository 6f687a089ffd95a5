import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.master_cf import Defaults, Service, parse_master, to_service
from spoolmta.errors import ConfigError

DEFAULTS = Defaults(maxproc=100, chroot=False)


def services(text: str) -> list[Service]:
    master = parse_master(text, "master.cf")
    return [to_service(columns, master.file, DEFAULTS) for columns in master.entries]


def test_a_dash_means_the_default() -> None:
    (service,) = services("smtp unix - - - - - smtp\n")
    assert (service.name, service.kind, service.command) == ("smtp", "unix", "smtp")
    assert (service.private, service.unprivileged, service.chroot) == (True, True, False)
    assert (service.wakeup, service.maxproc) == (0, 100)


def test_every_column_is_read() -> None:
    (service,) = services("flush unix n n y 1000? 0 /usr/lib/postfix/flush -v a\n")
    assert (service.private, service.unprivileged, service.chroot) == (False, False, True)
    assert (service.wakeup, service.wakeup_if_used, service.maxproc) == (1000, True, 0)
    assert (service.command, service.arguments) == ("flush", ("-v", "a"))


def test_inet_services_are_public() -> None:
    assert not services("smtp inet - - - - - smtpd")[0].private


def test_overrides_stand_behind_o_in_several_forms() -> None:
    (service,) = services(
        "smtp inet n - - - - smtpd\n  -o a=1 -o b= -oc=$d\n"
        "# comment\n  -o { e = x y } -v -o{f=2}\n\n  -o {g={h i}}\n"
    )
    assert service.overrides == {
        "service_name": "smtp",
        "a": "1", "b": "", "c": "$d", "e": "x y", "f": "2", "g": "{h i}",
    }  # fmt: skip
    assert service.arguments == ("-v",)


def test_everything_behind_a_command_word_belongs_to_the_command() -> None:
    (service,) = services(
        "dovecot unix - n n - - pipe\n flags=DRhu user=v argv=/lda -o x=y -f ${sender} {a b}\n"
    )
    assert service.arguments == (
        "flags=DRhu", "user=v", "argv=/lda", "-o", "x=y", "-f", "${sender}", "a b",
    )  # fmt: skip
    assert service.overrides == {"service_name": "dovecot"}


def test_the_last_of_two_lines_for_one_service_counts() -> None:
    master = parse_master("a unix - - - - - x\nb unix - - - - - x\na unix - - - - 1 x\n", "m")
    assert [(e.key, e.line) for e in master.entries] == [
        ("a/unix", 1),
        ("b/unix", 2),
        ("a/unix", 3),
    ]
    assert master.warnings == (
        "m, line 3: duplicate entry for service a/unix; the one of line 1 is not used",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smtp inet n - n - smtpd", "bad field count (expected eight columns: service type"),
        ("smtp foo n - n - - smtpd", 'invalid type field "foo" (expected one of: inet, unix'),
        ("smtp unix x - n - - smtpd", 'invalid private field "x" (expected y, n or -)'),
        ("smtp unix - - n x - smtpd", 'invalid wakeup field "x" (expected a number or -)'),
        ("smtp unix - - n - -1 smtpd", 'invalid process_limit field "-1" (expected a number'),
        ("smtp unix - - n - - smtpd -o", "-o at the end of the line"),
        ("smtp unix - - n - - smtpd -o x", "missing '=' after attribute name: \"x\""),
        ("smtp unix - - n - - smtpd -o { x", 'missing "}" in "{ x"'),
        ("smtp inet y - n - - smtpd", "inet service smtp cannot be private"),
    ],
)
def test_errors_name_file_and_line_and_what_was_expected(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        services("# comment\n" + text + "\n")
    assert str(caught.value).startswith(f"master.cf, line 2: {complaint}")


@given(st.text(alphabet="ab-oyn ={}\n#1?", max_size=80))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        services("a unix - - - - - b " + text)
