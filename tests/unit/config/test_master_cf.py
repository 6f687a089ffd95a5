import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.master_cf import TYPES, Defaults, Service, parse_master, to_service
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
        "# comment\n  -o { e = x y } -vo f=2\n\n  -o {g={h i}}\n"
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
    keys = [(entry.key, entry.line) for entry in master.entries]
    assert keys == [("a/unix", 1), ("b/unix", 2), ("a/unix", 3)]
    (warning,) = master.warnings
    assert warning.startswith('m, line 3: duplicate master.cf entry for service "a" (a/unix)')
    assert warning.endswith("using the last entry; line 1 is not used")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smtp inet n - n - smtpd", "bad field count (expected eight columns: service type"),
        ("smtp foo n - n - - smtpd", 'invalid type field "foo" in "smtp foo n - n - - smtpd"'),
        ("smtp unix x - n - - smtpd", 'invalid private field "x" in "smtp unix x'),
        ("smtp unix - x n - - smtpd", 'invalid unprivileged field "x" in "smtp unix - x'),
        ("smtp unix - - Y - - smtpd", 'invalid chroot field "Y" in "smtp unix - - Y'),
        ("smtp unix - - n x - smtpd", 'invalid wakeup field "x" in "smtp unix'),
        ("smtp unix - - n 5?? - smtpd", 'invalid wakeup field "5??" in "smtp unix'),
        ("smtp unix - - n - -1 smtpd", 'invalid process_limit field "-1" in "smtp unix'),
        ("smtp unix - - n - 5? smtpd", 'invalid process_limit field "5?" in "smtp unix'),
    ],
)
def test_a_line_that_postconf_refuses_cannot_be_read(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_master("# comment\n" + text + "\n", "master.cf")
    assert str(caught.value).startswith(f"master.cf, line 2: {complaint}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smtp unix - - n - - smtpd -o", 'invalid "-o " option value: missing \'='),
        ("smtp unix - - n - - smtpd -o x", "invalid \"-o x\" option value: missing '=' after"),
        ("smtp unix - - n - - smtpd -o =x", 'invalid "-o =x" option value: missing attribute'),
        ("smtp unix - - n - - smtpd -o { x", "missing '}' in \"{ x\""),
        ("smtp unix - - n - - smtpd -o {a=b}c", "syntax error after '}' in \"{a=b}c\""),
        ("smtp inet y - n - - smtpd", "inet service cannot be private (expected n or -)"),
        ("smtp unix - - n ? - smtpd", 'field "wakeup_time": bad value: "?"'),
        ("smtp unix - - n -? - smtpd", 'field "wakeup_time": bad value: "-?"'),
        ("{a b} unix - - n - - smtpd", "white space in one of the first eight columns"),
    ],
)
def test_a_line_that_the_master_refuses_is_no_service(text: str, complaint: str) -> None:
    master = parse_master("# comment\n" + text + "\n", "master.cf")
    with pytest.raises(ConfigError) as caught:
        to_service(master.entries[0], master.file, DEFAULTS)
    assert str(caught.value).startswith(f"master.cf, line 2: {complaint}")


def test_every_service_type_is_known() -> None:
    found = services("".join(f"a {kind} n - n - - b\n" for kind in TYPES))
    assert [service.key for service in found] == [
        "a/inet", "a/unix", "a/fifo", "a/pass", "a/unix-dgram",
    ]  # fmt: skip


def test_no_limit_is_said_by_0() -> None:
    assert services("a unix - - n 0? 0 b")[0].maxproc == 0


def test_options_that_share_a_dash_are_taken_apart() -> None:
    (service,) = services("a unix - - n - - smtp -Do a=b -vvoc=d -D x -o e=f")
    assert service.arguments == ("-D", "-vv", "-D", "x", "-o", "e=f")
    assert service.overrides == {"service_name": "a", "a": "b", "c": "d"}


@pytest.mark.parametrize("end", ["--", "-- x"])
def test_two_dashes_end_the_options(end: str) -> None:
    (service,) = services(f"a unix - - n - - smtp {end} -o a=b")
    assert service.arguments == (*end.split(), "-o", "a=b")


def test_braces_keep_blanks_in_a_word() -> None:
    (service,) = services("a unix - n n - - pipe argv=/b { c  d } e{f g}h {} i}j")
    assert service.arguments == ("argv=/b", "c  d", "e{f g}h", "", "i}j")


def test_a_comment_does_not_end_a_service() -> None:
    (service,) = services("a unix - - n - -\n# b\n\n  smtp\n #c\n\t-v\n")
    assert (service.command, service.arguments) == ("smtp", ("-v",))


def test_a_first_line_that_goes_on_from_nothing_is_left_out_with_a_warning() -> None:
    master = parse_master(" a unix - - n - - smtp\nb unix - - n - - smtp\n", "m")
    assert [entry.key for entry in master.entries] == ["b/unix"]
    assert master.warnings[0].startswith("m: logical line must not start with whitespace")


_COLUMN = st.sampled_from(["-", "y", "n", "0", "5?", "?", "{", "a b", "inet", "unix", "pass", "x"])
_REST = st.text(alphabet="ab-oyvn ={}\n\t#1?$:\x0b\xa0\udc80", max_size=60)


@given(st.lists(_COLUMN, max_size=10).map(" ".join), _REST)
def test_any_text_is_understood_or_refused_with_file_and_line(columns: str, rest: str) -> None:
    try:
        services(f"a unix - - n - - b\n{columns} {rest}")
    except ConfigError as error:
        assert re.match(r"master\.cf, line [0-9]+: ", str(error))  # noqa: PT017 - may be none


@given(st.text(max_size=200))
def test_any_characters_are_understood_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        services(text)
