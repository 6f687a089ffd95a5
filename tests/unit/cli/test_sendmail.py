"""sendmail, called as real programs call it, over a real spool, in a process of its own.

The argument lists are those that mail programs were seen to use. The installed program itself
is run where it matters how it begins.
"""

import os
import pwd
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spoolmta.cli.sendmail import sendmail
from spoolmta.clock import SystemClock
from spoolmta.protocols import submission
from spoolmta.protocols.submission import Begun, Content, Ended, SubmissionReader
from spoolmta.spool.connection import FILE_NAME, Row, Spool
from tests.support.oracle import Answer, ours

BIN = Path(sys.executable).parent
US = pwd.getpwuid(os.getuid()).pw_name
MAIL = b"Subject: hello\nTo: alice@x.test, Bob <bob@x.test>\nBcc: eve@x.test\n\nbody\n"
EX_OK, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM = (0, 65, 69, 75, 77)


@dataclass
class Site:
    """A configuration whose mail system does not run."""

    folder: Path

    @property
    def queue(self) -> Path:
        return self.folder / "queue"

    def sendmail(self, *words: str, text: bytes = MAIL) -> Answer:
        """Run sendmail."""
        environment = {"MAIL_CONFIG": str(self.folder)}
        stdin = text.decode("utf-8", "surrogateescape")
        return ours(sendmail.main, "sendmail", *words, stdin=stdin, environment=environment)

    def deliver(self, *words: str, text: bytes = MAIL) -> None:
        """Run sendmail, which must take the message and be silent."""
        assert self.sendmail(*words, text=text) == Answer(EX_OK, "", "")

    def rows(self, sql: str) -> list[Row]:
        spool = Spool.open(self.queue / FILE_NAME, SystemClock())
        try:
            return spool._connection.execute(sql).fetchall()
        finally:
            spool.close()

    def message(self, *columns: str) -> Any:
        """Return columns of the only message."""
        ((*values,),) = self.rows(
            f"SELECT {', '.join(columns)} FROM maildrop JOIN message USING (message_id)"
        )
        return values[0] if len(columns) == 1 else tuple(values)

    def recipients(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT address FROM recipient ORDER BY number")]

    def content(self) -> bytes:
        return b"".join(row[0] for row in self.rows("SELECT data FROM content ORDER BY piece"))


Configure = Callable[..., Site]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def configure(**settings: str) -> Site:
        values = {
            "compatibility_level": "3.6",
            "myhostname": "mx.example",
            "queue_directory": str(tmp_path / "queue"),
            "mail_owner": US,
            "inet_interfaces": "127.0.0.1",
            **settings,
        }
        text = "".join(f"{name} = {value}\n" for name, value in values.items())
        (tmp_path / "main.cf").write_text(text)
        (tmp_path / "master.cf").write_text("")
        return Site(tmp_path)

    return configure


@pytest.fixture
def site(configure: Configure) -> Site:
    return configure()


@pytest.mark.parametrize(
    ("words", "sender", "recipients"),
    [
        pytest.param("-i -t -f s@x.test", "s@x.test", "header", id="bsd-mailx"),
        pytest.param("-i -f s@x.test -- a@x.test", "s@x.test", "a@x.test", id="s-nail"),
        pytest.param(
            "-oem -oi -f e@x.test -N failure,delay -R hdrs -- a@x.test h@x.test",
            "e@x.test",
            "a@x.test h@x.test",
            id="mutt",
        ),
        pytest.param("-f e@x.test -i b@x.test a@x.test", "e@x.test", "b@x.test a@x.test", id="git"),
        pytest.param("-t -i -fenv@x.test", "env@x.test", "header", id="php"),
        pytest.param("-t -i", US, "header", id="php's default"),
        pytest.param("-oi fwd@x.test", US, "fwd@x.test", id="maildrop"),
        pytest.param("-t -f ''", "", "header", id="mailbot"),
        pytest.param("-FCronDaemon -i -B8BITMIME -oem joe", US, "joe", id="cron"),
        pytest.param(
            "-oi -odi -oem -N success,delay,failure -V00012345 -f rp@x.test -- a@x.test b@x.test",
            "rp@x.test",
            "a@x.test b@x.test",
            id="sympa",
        ),
        pytest.param("-i -f r@x.test -- a@x.test", "r@x.test", "a@x.test", id="sieve"),
        pytest.param("-f s@x.test d@x.test", "s@x.test", "d@x.test", id="fail2ban"),
        pytest.param("-oi -t", US, "header", id="logcheck"),
        pytest.param("-i -f a@x.test b@x.test c@x", "a@x.test", "b@x.test c@x", id="nodemailer"),
        pytest.param("-r rp@x.test -bm a@x.test", "rp@x.test", "a@x.test", id="older"),
        pytest.param("-om -o7 -A x -h 3 -L t -mUx -p E:h a@x.test", US, "a@x.test", id="old"),
        pytest.param("-O foo=bar -C{folder} -G a@x.test", US, "a@x.test", id="more"),
    ],
)  # fmt: skip
def test_the_argument_lists_of_real_programs(
    site: Site, words: str, sender: str, recipients: str
) -> None:
    arguments = [w.replace("''", "").format(folder=site.folder) for w in words.split(" ")]
    site.deliver(*arguments)
    assert site.message("sender", "origin", "uid") == (sender, "sendmail", os.getuid())
    named = ["alice@x.test", "bob@x.test", "eve@x.test"]
    assert site.recipients() == (named if recipients == "header" else recipients.split(" "))
    assert site.content() == MAIL.replace(b"\n", b"\r\n")


def test_dsn_options(site: Site) -> None:
    site.deliver("-Nfailure,delay", "-R", "hdrs", "-Vid42", "-B", "7BIT", "a@x.test")
    assert site.message("envid", "ret", "encoding") == ("id42", "HDRS", "7bit")
    assert site.rows("SELECT notify FROM recipient") == [(4 | 8,)]


@pytest.mark.parametrize(
    ("words", "notify"),
    [("-Nnever", 1), ("-NSUCCESS", 2), ("-i", 0), ("-Nsuccess,delay,failure", 14)],
)
def test_notify(site: Site, words: str, notify: int) -> None:
    site.deliver(words, "a@x.test")
    assert site.rows("SELECT notify FROM recipient") == [(notify,)]


@pytest.mark.parametrize(("word", "trace"), [("-v", "report"), ("-bv", "verify")])
def test_a_report_is_asked_for(site: Site, word: str, trace: str) -> None:
    said = site.sendmail(word, "-f", "me@x.test", "a@x.test")
    told = "Mail Delivery Status Report will be mailed to <me@x.test>.\n"
    assert said == Answer(EX_OK, told, "")
    assert site.message("trace") == trace


def test_the_message_of_a_probe_explains_itself(site: Site) -> None:
    site.sendmail("-bv", "-f", "me@x.test", "a@x.test", "b@y.test")
    text = site.content().decode()
    assert "\r\nTo: a@x.test,\r\n\tb@y.test\r\n" in text
    assert "\r\nMail from <me@x.test> for <a@x.test>\r\n" in text
    assert "\r\nMail from <me@x.test> for <b@y.test>\r\n" in text
    assert site.recipients() == ["a@x.test", "b@y.test"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("-Nfoo", "bad -N option value"),
        ("-Nnever,delay", "bad -N option value"),
        ("-Rsome", "bad -R option value"),
        ("-V" + "x" * 101, "too long -V option value"),
        ("-Vb\u00e4d", "bad syntax in -V option value"),
    ],
)
def test_dsn_values_that_are_none_are_ignored_with_a_warning(
    site: Site, words: str, text: str
) -> None:
    done = site.sendmail(words, "a@x.test")
    assert done.status == EX_OK
    assert done.err.endswith(f"sendmail: warning: {text} -- ignored\n")
    assert site.message("envid", "ret") == ("", "")


def test_t_adds_to_the_recipients_of_the_command_line(site: Site) -> None:
    site.deliver("-t", "-f", "", "arg@x.test")
    assert site.recipients() == ["arg@x.test", "alice@x.test", "bob@x.test", "eve@x.test"]


@pytest.mark.parametrize(
    ("word", "addresses"),
    [
        ("a,b", ["a", "b"]),
        ("a b c@d", ["a", "b", "c@d"]),
        ("Joe <joe@x.test>", ["joe@x.test"]),
        ("<joe@x.test>", ["joe@x.test"]),
        ('"a b"@x.test, c', ["a b@x.test", "c"]),
        ("", [""]),
        ("j\u00f6rg@x.test", ["j\u00f6rg@x.test"]),
    ],
)
def test_an_argument_may_hold_several_addresses(
    site: Site, word: str, addresses: list[str]
) -> None:
    site.deliver("--", word)
    assert site.recipients() == addresses


@pytest.mark.parametrize(
    ("given", "sender"), [("<a@x.test>", "a@x.test"), ("<>", ""), ('"a b"@x.test', "a b@x.test")]
)
def test_the_sender_may_be_in_brackets_or_quoted(site: Site, given: str, sender: str) -> None:
    site.deliver("-f", given, "a@x.test")
    assert site.message("sender") == sender


def test_full_names(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "Env Name")
    site.deliver("a@x.test")
    assert site.message("full_name") == "Env Name"


def test_the_full_name_given_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "Env Name")
    site.deliver("-F", "Given Name", "a@x.test")
    assert site.message("full_name") == "Given Name"


@pytest.mark.parametrize(
    ("words", "text", "content"),
    [
        ("", b"\na\n.\nb\n", b"\r\na\r\n"),
        ("", b".\nb\n", b"\r\n"),
        ("", b"\na\r\n.\r\nb\r\n", b"\r\na\r\n"),
        ("-i", b"\na\n.\nb\n", b"\r\na\r\n.\r\nb\r\n"),
        ("-oi", b"\n.\n", b"\r\n.\r\n"),
        ("-i", b"\nno line end", b"\r\nno line end\r\n"),
        ("-i", b"", b"\r\n"),
        ("-i", b"\na\r\nb\n", b"\r\na\r\nb\r\n"),
        ("-i", b"\na\rb\r\r\n", b"\r\na b \r\n"),
        ("-i", b"From me now\n>From x\nSubject: x\n\nFrom y\n", b"Subject: x\r\n\r\nFrom y\r\n"),
        ("-i", b"\n..a\n", b"\r\n..a\r\n"),
    ],
)
def test_lines_and_the_end_of_the_message(
    site: Site, words: str, text: bytes, content: bytes
) -> None:
    site.deliver(*words.split(), "a@x.test", text=text)
    assert site.content() == content
    assert site.message("size") == len(content)


@pytest.mark.parametrize(
    ("mode", "text", "content"),
    [
        ("strict", b"\r\na\r\n", b"\r\na\r\n"),
        ("strict", b"\na\r\n", b"\r\na \r\n"),
        ("never", b"\r\na\r\n", b" \r\na \r\n"),
    ],
)
def test_sendmail_fix_line_endings(
    configure: Configure, mode: str, text: bytes, content: bytes
) -> None:
    site = configure(sendmail_fix_line_endings=mode)
    site.deliver("a@x.test", text=text)
    assert site.content() == content


@pytest.mark.parametrize(
    ("options", "encoding"), [([], ""), (["-B7BIT"], "7bit"), (["-B", "8BITMIME"], "8bit")]
)
def test_what_text_is_called_goes_along(site: Site, options: list[str], encoding: str) -> None:
    site.deliver(*options, "a@x.test", text=b"\n\xe4\n")
    assert site.message("encoding") == encoding


def test_a_large_message_goes_in_piece_by_piece(site: Site) -> None:
    text = b"Subject: x\n\n" + b"".join(b"line %d\n" % number for number in range(400_000))
    site.deliver("-i", "a@x.test", text=text)
    assert site.content() == text.replace(b"\n", b"\r\n")
    assert len(site.rows("SELECT piece FROM content")) > 10
    assert site.rows("SELECT * FROM upload") == site.rows("SELECT * FROM process") == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", f"{US}({os.getuid()}): Recipient addresses must be specified"),
        ("-f me@x.test", "me@x.test(0): Recipient addresses must be specified"),
        ("-Z a", "usage: sendmail [options]"),
        ("-bz a", "unsupported: -bz"),
        ("-qX", "-qX is not implemented"),
        ("-C/nowhere a", "open /nowhere/main.cf: No such file or directory"),
    ],
)
def test_command_lines_that_cannot_be_obeyed(site: Site, words: str, text: str) -> None:
    done = site.sendmail(*words.split())
    assert (done.status, done.out) == (EX_TEMPFAIL, "")
    assert f"sendmail: fatal: {text.replace('(0)', f'({os.getuid()})')}" in done.err


def test_an_interval_between_queue_runs_loses_no_mail(site: Site) -> None:
    site.deliver("-q5m", "a@x.test")
    assert site.recipients() == ["a@x.test"]


def test_who_asks_for_verp_is_told_that_there_is_none(site: Site) -> None:
    done = site.sendmail("-XV", "-f", "me@x.test", "a@x.test")
    assert done.status == EX_OK
    assert done.err.startswith("sendmail: warning: -XV: there is no VERP yet; ")
    assert site.message("sender") == "me@x.test"


def test_headers_that_name_nobody(site: Site) -> None:
    done = site.sendmail("-t", text=b"Subject: x\n\nTo: a@x.test\n")
    assert done.status == EX_TEMPFAIL
    assert done.err.endswith("No recipient addresses found in message header\n")
    assert site.rows("SELECT * FROM message") == []


def test_too_many_recipients_in_the_headers(configure: Configure) -> None:
    site = configure(extract_recipient_limit="2")
    assert site.sendmail("-t").status == EX_DATAERR


def test_a_message_that_is_too_large(configure: Configure) -> None:
    site = configure(message_size_limit="2000")
    done = site.sendmail("a@x.test", text=b"\n" + b"x" * 5000)
    assert done.status == EX_UNAVAILABLE
    assert done.err.endswith(": message file too big\n")
    assert not site.queue.exists()


@pytest.mark.parametrize("word", [b"j\xe4@x.test", b"\x01@x.test", b"a" * 3000])
def test_addresses_that_are_none(site: Site, word: bytes) -> None:
    done = site.sendmail("-f", os.fsdecode(word), "a@x.test")
    assert done.status == EX_DATAERR


def test_a_malformed_sender_is_cut_short(site: Site) -> None:
    done = site.sendmail("-f", "fr om@x.test", "a@x.test")
    assert done == Answer(
        EX_OK, "", "sendmail: warning: -f option specified malformed sender: fr om@x.test\n"
    )
    assert site.message("sender") == "fr"


def test_users_who_may_not(configure: Configure) -> None:
    site = configure(authorized_submit_users=f"!{US}, static:anyone")
    done = site.sendmail("a@x.test")
    assert done.status == EX_NOPERM
    assert f"User {US}({os.getuid()}) is not allowed to submit mail" in done.err


def test_a_closed_standard_input(site: Site) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {BIN}/sendmail -C {site.folder} a@x.test <&-"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == os.EX_NOINPUT
    assert b": cannot read the message: Bad file descriptor\n" in done.stderr


def test_the_spool_is_private(site: Site) -> None:
    site.deliver("a@x.test")
    mode = stat.S_IMODE((site.queue / FILE_NAME).stat().st_mode)
    assert not mode & 0o007


def test_bp_lists_the_queue(site: Site) -> None:
    site.deliver("-f", "s@x.test", "a@x.test")
    done = site.sendmail("-bp")
    assert "s@x.test" in done.out
    assert done.out.startswith("-Queue ID-")


def test_q_needs_a_mail_system_that_runs(site: Site) -> None:
    site.deliver("a@x.test")
    for words in ("-q", "-qI1AC16E508018000"):
        done = site.sendmail(words)
        assert done.status != EX_OK
        assert "mail system is down" in done.err


def test_bi_builds_the_aliases(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "aliases").write_text("root: joe\n")
    site = configure(alias_database=f"hash:{tmp_path}/aliases")
    assert site.sendmail("-bi") == Answer(EX_OK, "", "")
    assert (tmp_path / "aliases.db").exists()
    (tmp_path / "aliases.db").unlink()
    assert site.sendmail("-I", "-C", str(tmp_path)).status == EX_OK
    assert (tmp_path / "aliases.db").exists()


DIALOGUE = (
    b"ehlo client.example\r\n"
    b"MAIL FROM: <joe@x.test> size=100 body=8bitmime\r\n"
    b"rcpt to:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n"
)


def test_bs_speaks_smtp(site: Site) -> None:
    text = DIALOGUE + b"Subject: x\r\n\r\n..dot\r\n\xe4\r\n.\r\nQUIT\r\n"
    done = site.sendmail("-bs", text=text)
    assert (done.status, done.err) == (EX_OK, "")
    codes = [line[:3] for line in done.out.split("\r\n") if line[3:4] == " "]
    assert codes == ["220", "250", "250", "250", "250", "354", "250", "221"]
    assert site.message("sender", "encoding") == ("joe@x.test", "8bit")
    assert site.recipients() == ["a@x.test", "b@x.test"]
    assert site.content() == b"Subject: x\r\n\r\n.dot\r\n\xe4\r\n"
    (queue_id,) = site.rows("SELECT queue_id FROM message")[0]
    assert f"250 2.0.0 Ok: queued as {queue_id}\r\n" in done.out


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"MAIL FROM:<a@x.test>", "250 2.1.0 Ok"),
        (b"RCPT TO:<a@x.test>", "503 5.5.1 Error: need MAIL command"),
        (b"DATA", "503 5.5.1 Error: need RCPT command"),
        (b"MAIL FROM:<a@x.test> size=99999999999", "552 5.3.4 Message size exceeds fixed limit"),
        (b"MAIL FROM:<a@x.test> foo=bar", "555 5.5.4 Unsupported option: foo=bar"),
        (b"MAIL FROM:<a@x", "501 5.1.7 Bad sender address syntax"),
        (b"MAIL", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        (b"VRFY joe", "252 2.0.0 joe"),
        (b"EXPN joe", "502 5.5.2 Error: command not recognized"),
        (b"NOOP", "250 2.0.0 Ok"),
        (b"RSET", "250 2.0.0 Ok"),
        (b"helo", "501 Syntax: HELO hostname"),
    ],
)
def test_bs_answers_each_command(site: Site, line: bytes, reply: str) -> None:
    done = site.sendmail("-bs", text=b"HELO x\r\n" + line + b"\r\n")
    assert done.out.split("\r\n")[2] == reply


def test_bs_goes_on_after_a_message_that_is_too_large(configure: Configure) -> None:
    site = configure(message_size_limit="1000")
    text = DIALOGUE + b"x" * 5000 + b"\r\n.\r\n"
    text += b"MAIL FROM:<>\r\nRCPT TO:<joe>\r\nDATA\r\n.\r\nQUIT\r\n"
    done = site.sendmail("-bs", text=text)
    assert "552 5.3.4 Error: message file too big" in done.out
    assert site.message("sender") == ""
    assert (site.recipients(), site.content()) == (["joe"], b"\r\n")


class Listener:
    """Something at public/submit that is not the mail system."""

    def __init__(self, site: Site, *answers: bytes) -> None:
        """It answers each connection with the next of *answers*, and hears what it is told."""
        folder = site.queue / "public"
        folder.mkdir(parents=True)
        self.heard: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "submit"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._work, args=(answers,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(20)
        self._socket.close()

    def _work(self, answers: tuple[bytes, ...]) -> None:
        for answer in answers:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(20)
                greeted = answer.startswith(submission.GREETING)
                if not greeted:
                    connection.sendall(answer)
                    continue
                connection.sendall(submission.GREETING)
                self.heard.append(self._hear(connection))
                connection.sendall(answer.removeprefix(submission.GREETING))

    def _hear(self, connection: socket.socket) -> bytes:
        heard = b""
        while not heard.endswith(submission.format_end()):
            data = connection.recv(65536)
            if not data:
                break
            heard += data
        return heard


@pytest.fixture
def listen(site: Site) -> Iterator[Callable[..., Listener]]:
    opened: list[Listener] = []

    def listen(*answers: bytes) -> Listener:
        opened.append(Listener(site, *answers))
        return opened[-1]

    yield listen
    for listener in opened:
        listener.close()


ACCEPTED = submission.GREETING + submission.format_accepted("ABC")
BUSY = submission.format_refused(EX_TEMPFAIL, "too many submissions at once")

Listen = Callable[..., Listener]


def test_the_socket_comes_first_and_hears_all(site: Site, listen: Listen) -> None:
    listener = listen(ACCEPTED)
    site.deliver("-t", "-f", "s@x.test", "-Nnever", "a@x.test")
    listener.close()
    begun, content, ended = SubmissionReader().feed(listener.heard[0])
    assert isinstance(begun, Begun)
    assert (begun.submission.sender, begun.submission.extract) == ("s@x.test", True)
    assert (begun.submission.notify, begun.recipients) == (1, ("a@x.test",))
    assert content == Content(MAIL.replace(b"\n", b"\r\n"))
    assert ended == Ended()
    assert not (site.queue / FILE_NAME).exists()


def test_what_the_socket_refuses_is_not_put_into_maildrop(site: Site, listen: Listen) -> None:
    listen(submission.GREETING + submission.format_refused(EX_NOPERM, "not you"))
    done = site.sendmail("a@x.test")
    assert done.status == EX_NOPERM
    assert done.err.endswith(": not you\n")
    assert not (site.queue / FILE_NAME).exists()


def test_without_an_answer_the_caller_keeps_the_mail(site: Site, listen: Listen) -> None:
    listen(submission.GREETING)
    done = site.sendmail("a@x.test")
    assert done.status == EX_TEMPFAIL
    assert "no answer from the mail system" in done.err
    assert not (site.queue / FILE_NAME).exists()


def test_a_busy_mail_system_is_asked_again(site: Site, listen: Listen) -> None:
    listen(BUSY, BUSY, ACCEPTED)
    site.deliver("a@x.test")


def test_who_hangs_up_before_the_greeting_has_taken_nothing(site: Site, listen: Listen) -> None:
    listen(b"")
    site.deliver("a@x.test")
    assert site.recipients() == ["a@x.test"]


SLOW = ("apsw", "asyncio", "msgspec", "typer", "uvloop")


def test_sendmail_starts_fast(site: Site, listen: Listen) -> None:
    """No SQLite, no event loop, no command-line framework on the way over the socket."""
    listen(ACCEPTED)
    done = _run_in_python(site, f"report({SLOW!r})")
    assert done.stdout.strip() == b"0 []"


@pytest.mark.root
def test_who_may_not_write_the_spool_keeps_the_mail_while_nobody_listens(site: Site) -> None:
    nobody = pwd.getpwnam("nobody")
    _let_everybody_read(site)
    done = _run_in_python(
        site,
        f"os.setgroups([]); os.setgid({nobody.pw_gid}); os.setuid({nobody.pw_uid}); report()",
        "spoolmta.cli.sendmail.maildrop_entry",
        "spoolmta.config.parameters.log",
    )
    assert done.stdout.strip() == b"75 []"
    assert b"nobody(65534): the mail system is not running, and only root and root" in done.stderr
    assert not site.queue.exists()


def _let_everybody_read(site: Site) -> None:
    (site.folder / "main.cf").chmod(0o644)
    for folder in (site.folder, *site.folder.parents):
        if stat.S_IMODE(folder.stat().st_mode) & 0o011 != 0o011:
            folder.chmod(0o711)


def _run_in_python(site: Site, last: str, *imports: str) -> "subprocess.CompletedProcess[bytes]":
    """Run sendmail in an interpreter that then reports its status and what was imported.

    *imports* come first, for a user who may not read the interpreter's files.
    """
    program = f"""
import os, sys
sys.argv = ["sendmail", "-C", {str(site.folder)!r}, "-t", "a@x.test"]
from spoolmta.cli.sendmail import draft
from spoolmta.cli.sendmail import hand_in
from spoolmta.cli.sendmail import sendmail
from spoolmta.config import parameters
from spoolmta.protocols import submission
{"".join(f"import {name}" + chr(10) for name in imports)}
def report(names=()):
    try:
        sendmail.main()
    except SystemExit as end:
        print(end.code, [name for name in names if name in sys.modules])
{last}
"""
    return subprocess.run(
        [sys.executable, "-c", program], input=MAIL, capture_output=True, timeout=60, check=True
    )
