from pathlib import Path

import pytest

from spoolmta.cli.postconf.postconf import main
from tests.support.oracle import Answer, ours

MAIN = """\
# the site
myhostname = mx.example.com
biff = no
relayhost = $relay,
   more
relay = [relay.example]:587
typo_param = 1
mydestination = $nobody
"""
MASTER = """\
# services
smtp      inet  n       -       n       -       -       smtpd
  -o smtpd_helo_required=yes
smtp      unix  -       -       n       -       -       smtp
#smtp     unix  -       -       n       -       -       lmtp
relay     unix  -       -       n       -       -       smtp
        -o syslog_name=postfix/$service_name
"""
RELAY_OPTION = "-o syslog_name=postfix/$service_name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER)
    return tmp_path


def postconf(folder: Path, *arguments: str) -> Answer:
    return ours(main, "postconf", "-c", str(folder), *arguments)


def lines(folder: Path, *arguments: str) -> list[str]:
    result = postconf(folder, *arguments)
    assert result.status == 0, result.err
    return result.out.split("\n")[:-1]


def fatal(folder: Path, *arguments: str) -> str:
    result = postconf(folder, *arguments)
    assert result.status == 1
    return result.err.strip().removeprefix("postconf: fatal: ")


def test_n_prints_what_main_cf_sets(folder: Path) -> None:
    assert lines(folder, "-n") == [
        "biff = no",
        f"config_directory = {folder}",
        "mydestination = $nobody",
        "myhostname = mx.example.com",
        "relay = [relay.example]:587",
        "relayhost = $relay, more",
    ]


def test_doubtful_names_are_warned_about(folder: Path) -> None:
    assert postconf(folder, "-n").err == (
        f"postconf: warning: {folder}/main.cf: undefined parameter: nobody\n"
        f"postconf: warning: {folder}/main.cf: unused parameter: typo_param=1\n"
    )


def test_named_parameters_are_printed_in_the_order_asked_for(folder: Path) -> None:
    result = postconf(folder, "relayhost", "nosuch", "biff", "queue_run_delay")
    assert result.out == "relayhost = $relay, more\nbiff = no\nqueue_run_delay = 300s\n"
    assert "postconf: warning: nosuch: unknown parameter\n" in result.err


def test_h_prints_values_and_capital_h_names(folder: Path) -> None:
    assert lines(folder, "-h", "biff", "relayhost") == ["no", "$relay, more"]
    assert lines(folder, "-H", "biff", "relayhost") == ["biff", "relayhost"]


def test_x_expands(folder: Path) -> None:
    assert lines(folder, "-hx", "relayhost", "mydomain") == [
        "[relay.example]:587, more",
        "example.com",
    ]


def test_d_prints_defaults(folder: Path) -> None:
    assert lines(folder, "-d", "biff", "mydestination") == [
        "biff = yes",
        "mydestination = $myhostname, localhost.$mydomain, localhost",
    ]
    assert lines(folder, "-d", "relay_destination_recipient_limit") == [
        "relay_destination_recipient_limit = $default_destination_recipient_limit"
    ]


def test_o_overrides_for_once(folder: Path) -> None:
    assert lines(folder, "-x", "-o", "relay=x", "relayhost") == ["relayhost = x, more"]


def test_capital_c_selects_a_class(folder: Path) -> None:
    assert lines(folder, "-C", "user") == ["relay = [relay.example]:587"]
    assert "relay_recipient_limit = $default_recipient_limit" in lines(folder, "-C", "service")
    assert fatal(folder, "-C", "x") == 'unknown -C option value "x" in "x"'


def test_everything_is_printed_without_arguments(folder: Path) -> None:
    printed = lines(folder)
    assert len(printed) > 800
    assert printed == sorted(printed, key=lambda line: line.partition(" =")[0])
    assert "biff = no" in printed


def test_e_changes_main_cf_and_is_meant_wherever_a_value_is_given(folder: Path) -> None:
    assert lines(folder, "-e", "biff=yes", "new = a  b") == []
    assert lines(folder, "relayhost=") == []
    expected = MAIN.replace("biff = no", "biff = yes").replace("$relay,\n   more", "")
    assert (folder / "main.cf").read_text() == expected + "new = a  b\n"


def test_capital_x_removes_and_hash_comments_out(folder: Path) -> None:
    lines(folder, "-X", "biff", "relayhost")
    lines(folder, "-#", "relay")
    assert (folder / "main.cf").read_text() == (
        "# the site\nmyhostname = mx.example.com\n#relay = [relay.example]:587\n"
        "typo_param = 1\nmydestination = $nobody\n"
    )


def test_capital_m_prints_services(folder: Path) -> None:
    assert lines(folder, "-M", "smtp/unix", "relay") == [
        "smtp       unix  -       -       n       -       -       smtp",
        "relay      unix  -       -       n       -       -       smtp " + RELAY_OPTION,
    ]
    assert 'unmatched request: "nosuch"' in postconf(folder, "-M", "nosuch").err


def test_capital_p_prints_overrides(folder: Path) -> None:
    assert lines(folder, "-P") == [
        "smtp/inet/smtpd_helo_required = yes",
        "relay/unix/syslog_name = postfix/$service_name",
    ]
    assert lines(folder, "-Phx", "relay/unix/syslog_name") == ["postfix/relay"]


def test_capital_f_prints_fields(folder: Path) -> None:
    assert lines(folder, "-F", "smtp/inet") == [
        "smtp/inet/service = smtp", "smtp/inet/type = inet", "smtp/inet/private = n",
        "smtp/inet/unprivileged = -", "smtp/inet/chroot = n", "smtp/inet/wakeup = -",
        "smtp/inet/process_limit = -", "smtp/inet/command = smtpd -o smtpd_helo_required=yes",
    ]  # fmt: skip
    assert lines(folder, "-Fh", "*/unix/command") == [
        "smtp",
        "smtp -o syslog_name=postfix/$service_name",
    ]


def test_services_are_changed_in_place(folder: Path) -> None:
    lines(folder, "-M", "smtp/inet=smtp inet n - n - 5 smtpd -o a=b")
    lines(folder, "-MX", "relay/unix")
    lines(folder, "-M#", "smtp/unix")
    assert (folder / "master.cf").read_text() == (
        "# services\n"
        "smtp       inet  n       -       n       -       5       smtpd\n    -o a=b\n"
        "#smtp      unix  -       -       n       -       -       smtp\n"
        "#smtp     unix  -       -       n       -       -       lmtp\n"
    )


def test_fields_and_overrides_are_changed_in_place(folder: Path) -> None:
    lines(folder, "-F", "*/unix/chroot=y", "smtp/inet/process_limit=7")
    lines(folder, "-P", "smtp/inet/smtpd_banner=a", "smtp/inet/smtpd_helo_required=no")
    lines(folder, "-PX", "relay/unix/syslog_name")
    assert (folder / "master.cf").read_text() == (
        "# services\n"
        "smtp       inet  n       -       n       -       7       smtpd\n"
        "    -o smtpd_helo_required=no\n    -o smtpd_banner=a\n"
        "smtp       unix  -       -       y       -       -       smtp\n"
        "#smtp     unix  -       -       n       -       -       lmtp\n"
        "relay      unix  -       -       y       -       -       smtp\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-e", "biff"], "missing '=' after attribute name: \"biff\""),
        (["-e", "a b=c"], "missing '=' after attribute name: \"a b=c\""),
        (["biff=x\ny"], "-e, -X, or -# accepts no multi-line input"),
        (["-X", "biff=x"], "specify one of -e -X"),
        (["-X", "a", "biff=x"], "-X or -# requires parameter names without value"),
        (["-X"], "missing service argument"),
        (["-n", "-d"], "specify one of -d -n"),
        (["-n", "biff=1"], "specify one of -e -n"),
        (["-M", "-h"], "with option -M, do not specify -h"),
        (["-M", "-h", "-d"], "with option -M, do not specify -d -h"),
        (["-t", "a", "b"], "options -b and -t require at most one template file"),
        (["-o", "foo"], "invalid parameter override: foo: missing '=' after attribute name"),
        (["-M", "smtp/inet=smtp inet n"], 'bad field count: "smtp/inet=smtp inet n" (expected'),
        (["-F", "smtp/inet/chroot=q"], 'invalid chroot field "q" in "q" (expected y, n or -)'),
        (["-F", "smtp/inet/x=q"], 'invalid service attribute name: "x" (expected one of: service'),
        (["-P", "smtp/inet=q"], "-Pe or -PX requires service_name/type/parameter"),
    ],
)
def test_misuse_is_told_and_changes_nothing(
    folder: Path, arguments: list[str], complaint: str
) -> None:
    assert fatal(folder, *arguments).startswith(complaint)
    assert (folder / "main.cf").read_text() == MAIN
    assert (folder / "master.cf").read_text() == MASTER
    assert sorted(p.name for p in folder.iterdir()) == ["main.cf", "master.cf"]


def test_map_types_and_locks_are_listed(folder: Path) -> None:
    assert {"hash", "inline", "regexp"} <= set(lines(folder, "-m"))
    assert lines(folder, "-l") == ["flock", "fcntl", "dotlock"]


def test_plug_ins_and_tls_features_are_listed(folder: Path) -> None:
    assert lines(folder, "-a") == ["cyrus", "dovecot"]
    assert lines(folder, "-A") == ["cyrus"]
    assert lines(folder, "-T", "run-version")[0].startswith("OpenSSL ")
    assert "rsa" in lines(folder, "-T", "public-key-algorithms")
    assert postconf(folder, "-T", "x").status == 1


def test_the_words_of_notices_are_printed_as_templates_and_expanded(folder: Path) -> None:
    template = folder / "templates"
    template.write_text("failure_template = <<END\nSubject: sorry\n\nfrom $myhostname\nEND\n")
    printed = lines(folder, "-t", str(template))
    assert printed[:7] == [
        "failure_template = <<EOF",
        "Charset: us-ascii",
        "From: MAILER-DAEMON (Mail Delivery System)",
        "Subject: sorry",
        "Postmaster-Subject: Postmaster Copy: Undelivered Mail",
        "",
        "from $myhostname",
    ]
    expanded = lines(folder, "-b", str(template))
    assert expanded[:3] == ["expanded_failure_text = <<EOF", "from mx.example.com", "EOF"]
    assert "more than 0 hour(s)." in " ".join(expanded)


def test_a_broken_main_cf_can_be_mended(folder: Path) -> None:
    (folder / "main.cf").write_text("compatibility_level = x\nfoo\n")
    assert lines(folder, "-e", "compatibility_level=3.6") == []
    assert (folder / "main.cf").read_text() == "compatibility_level = 3.6\nfoo\n"


def test_a_broken_main_cf_is_told_with_its_line(folder: Path) -> None:
    (folder / "main.cf").write_text("a = 1\nfoo\n")
    complaint = f"{folder}/main.cf, line 2: missing '=' after attribute name: \"foo\""
    assert fatal(folder, "-n").startswith(complaint)
