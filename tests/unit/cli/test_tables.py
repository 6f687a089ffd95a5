import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.cli.tables.postalias import POSTALIAS, entries, rebuild_aliases
from spoolmta.cli.tables.postmap import POSTMAP
from spoolmta.cli.tables.table_program import TableProgram, run
from spoolmta.maps.text import logical_lines

SOURCE = """\
Key1   value one
# comment
   continued
key1 dup
novalue
"a b"@x.org  quoted
x: y
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "src"
    path.write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return "hash:src"


class Ran:
    """Runs a program in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(
        self, *arguments: str, program: TableProgram = POSTMAP, stdin: str = ""
    ) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        status = run(program, list(arguments))
        printed = self._capsys.readouterr()
        return status, printed.out, printed.err


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ran:
    return Ran(capsys, monkeypatch)


def test_a_table_is_built_listed_and_asked(source: str, ran: Ran) -> None:
    status, out, err = ran(source)
    assert (status, out) == (0, "")
    assert err.splitlines() == [
        'postmap: warning: src.db: duplicate entry: "key1"',
        "postmap: warning: src, line 5: expected format: key whitespace value",
        'postmap: warning: src, line 7: record is in "key: value" format; is this an alias file?',
    ]
    assert ran("-s", source)[1].splitlines() == [
        '"a b"@x.org\tquoted',
        "key1\tvalue one   continued",
        "x:\ty",
    ]
    assert ran("-q", "KEY1", source) == (0, "value one   continued\n", "")
    assert ran("-q", "none", source) == (1, "", "")


def test_keys_are_read_from_standard_input(source: str, ran: Ran) -> None:
    ran("-w", source)
    assert ran("-q", "-", source, stdin="key1\nnone\nx:\n") == (
        0,
        "key1\tvalue one   continued\nx:\ty\n",
        "",
    )
    assert ran("-q", "-", source, stdin="none\n") == (1, "", "")


def test_several_tables_are_asked_in_their_order(source: str, ran: Ran) -> None:
    ran("-w", source)
    assert ran("-q", "x:", "inline:{a=b}", source, "static:z")[1] == "y\n"
    assert ran("-q", "q", "inline:{a=b}", source, "static:z")[1] == "z\n"


def test_entries_are_deleted_and_added(source: str, ran: Ran) -> None:
    ran("-w", source)
    assert ran("-d", "KEY1", source) == (0, "", "")
    assert ran("-d", "key1", source) == (1, "", "")
    assert ran("-i", source, stdin="key1 new\nx: other\n")[2] == (
        'postmap: warning: stdin, line 2: record is in "key: value" format; '
        "is this an alias file?\n"
        'postmap: warning: src.db: duplicate entry: "x:"\n'
    )
    assert ran("-i", "-r", source, stdin="key1 newer\n") == (0, "", "")
    assert ran("-q", "-", source, stdin="key1\nx:\n")[1] == "key1\tnewer\nx:\ty\n"
    assert ran("-d", "-", source, stdin="key1\nx:\n")[0] == 0
    assert ran("-s", source)[1] == '"a b"@x.org\tquoted\n'


def test_case_is_kept_if_asked(source: str, ran: Ran) -> None:
    ran("-f", source)
    assert ran("-f", "-q", "Key1", source)[1] == "value one   continued\n"
    assert ran("-f", "-q", "key1", source)[1] == "dup\n"


def test_files_become_base64(source: str, ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1\n")
    (tmp_path / "two").write_text("2\n")
    (tmp_path / "src").write_text("key one, two\nother three\n")
    assert ran("-F", source)[2] == (
        "postmap: warning: src, line 2: open three: No such file or directory: "
        "skipping this entry\n"
    )
    assert ran("-q", "key", source)[1] == "MQoKMgo=\n"
    assert ran("-F", "-q", "key", source)[1] == "1\n\n2\n\n"
    assert ran("-Fs", source)[1] == "key\t1\n\n2\n\n"


def test_a_message_is_shown_to_patterns_header_by_header(ran: Ran) -> None:
    message = "Subject: a\n b\nTo: x\n\nbody\nline\n"
    table = "regexp:{{/^subject:.*b/ S}, {/^line/ L}}"
    assert ran("-hq", "-", table, stdin=message)[1] == "Subject: a\n b\tS\n"
    assert ran("-bq", "-", table, stdin=message)[1] == "line\tL\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "usage: postmap ["),
        (("-q", "a", "-s", "hash:src"), "specify only one of -s or -q or -d"),
        (("regexp:src",), "regexp does not support bulk-mode creation."),
        (("hash:none",), "open none: No such file or directory"),
        (("-q", "a", "hash:none"), "open database none.db: No such file or directory"),
        (("-d", "a", "hash:none"), "open database none.db: No such file or directory"),
        (("-s", "hash:none"), "open database none.db: No such file or directory"),
        (("-q", "a", "nosuch:x"), "unsupported dictionary type: nosuch"),
        (("-q", "a", "fail:x"), "query error: Application error"),
    ],
)
def test_what_cannot_be_done_is_told(
    source: str, ran: Ran, arguments: tuple[str, ...], complaint: str
) -> None:
    status, out, err = ran(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("postmap: fatal: ")
    assert complaint in err


def test_a_table_without_a_type_is_of_the_default_one(
    source: str, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    (tmp_path / "main.cf").write_text("default_database_type = btree\n")
    assert ran("-w", "-c", str(tmp_path), "src")[0] == 0
    assert ran("-q", "x:", "btree:src")[1] == "y\n"
    monkeypatch.delenv("MAIL_CONFIG", raising=False)


def test_aliases_are_built(tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aliases").write_text('Root: joe,\n  "|/bin/x y"\n"a b": c\nbad line\n')
    status, _, err = ran("hash:aliases", program=POSTALIAS)
    assert (status, err) == (0, "postalias: warning: aliases, line 4: need name:value pair\n")
    listed = ran("-s", "hash:aliases", program=POSTALIAS)[1].splitlines()
    assert listed[-2:] == ["a b:\tc", 'root:\tjoe, "|/bin/x y"']
    assert [line.partition(":")[0] for line in listed[:3]] == [
        "@",
        "YP_LAST_MODIFIED",
        "YP_MASTER_NAME",
    ]
    assert ran("-q", "ROOT", "hash:aliases", program=POSTALIAS)[1] == 'joe, "|/bin/x y"\n'


def test_newaliases_builds_all_of_alias_database(
    tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name}: joe\n")
    (tmp_path / "main.cf").write_text(
        f"alias_database = hash:{tmp_path}/one, btree:{tmp_path}/two\n"
    )
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    assert rebuild_aliases() == 0
    assert ran("-q", "two", f"btree:{tmp_path}/two")[1] == "joe\n"
    assert ran("-q", "one", f"hash:{tmp_path}/one")[1] == "joe\n"
    (tmp_path / "main.cf").write_text("alias_database =\n")
    assert rebuild_aliases() == 0
    (tmp_path / "main.cf").write_text("broken\n")
    assert rebuild_aliases() == 1


def test_newaliases_keeps_the_old_table_where_a_line_is_not_understood(
    tmp_path: Path, ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "aliases"
    source.write_text("ann: joe\n")
    (tmp_path / "main.cf").write_text(f"alias_database = hash:{source}\n")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    assert rebuild_aliases() == 0
    source.write_text("ann joe\nbob: joe\n")
    assert rebuild_aliases() == 1
    complaint = capsys.readouterr().err
    assert f"{source}, line 1: need name:value pair" in complaint
    assert "the old table stays in force" in complaint
    assert ran("-q", "ann", f"hash:{source}", program=POSTALIAS)[1] == "joe\n"
    assert ran("-q", "bob", f"hash:{source}", program=POSTALIAS)[0] == 1


def test_the_command_passes_any_bytes_through(source: str, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("smtputf8_enable = no\n")
    (tmp_path / "src").write_bytes(b"key v\xe4lue\n")
    command = [sys.executable, "-c", "from spoolmta.cli.tables.postmap import main; main()"]
    command += ["-c", str(tmp_path)]
    subprocess.run([*command, source], check=True, cwd=tmp_path)
    found = subprocess.run(
        [*command, "-q", "key", source], check=True, cwd=tmp_path, capture_output=True
    )
    assert found.stdout == b"v\xe4lue\n"


@pytest.mark.root
def test_root_builds_as_the_owner_of_the_source(source: str, ran: Ran, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    # With many workers there is one more folder between.
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest", "popen")):
            parent.chmod(0o755)
    os.chown(tmp_path / "src", 65534, 65534)
    ran("-w", source)
    assert (tmp_path / "src.db").stat().st_uid == 65534
    assert os.geteuid() == 0
    (tmp_path / "src.db").unlink()
    ran("-w", "-o", source)
    assert (tmp_path / "src.db").stat().st_uid == 0


def test_proxy_opens_what_is_listed_alone(ran: Ran) -> None:
    assert ran("-q", "a", "proxy:unix:passwd.byname")[0] == 1
    status, _, err = ran("-q", "a", "proxy:static:x")
    assert status == 1
    assert err.startswith('postmap: fatal: proxymap service is not configured for table "static:x"')


def test_headers_of_parts_are_headers_if_asked(ran: Ran) -> None:
    message = (
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\nX-Part: 1\n\ntext\n'
        "--b\nContent-Type: message/rfc822\n\nX-Inner: 2\n\nbody\n--b--\n"
    )
    table = "regexp:{{/^X-/ header}, {/^text|body/ line}}"
    assert ran("-hmq", "-", table, stdin=message)[1] == "X-Part: 1\theader\nX-Inner: 2\theader\n"
    assert ran("-bmq", "-", table, stdin=message)[1] == "text\tline\nbody\tline\n"
    assert ran("-hq", "-", table, stdin=message)[0] == 1


def test_progress_is_shown_on_a_terminal_alone(source: str, tmp_path: Path) -> None:
    (tmp_path / "src").write_text("".join(f"key{i} value\n" for i in range(60_000)))
    command = [sys.executable, "-c", "from spoolmta.cli.tables.postmap import main; main()", source]
    silent = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    assert (silent.stdout, silent.stderr) == (b"", b"")
    terminal, end = pty.openpty()
    subprocess.run(command, check=True, cwd=tmp_path, stderr=end)
    shown = os.read(terminal, 10_000)
    os.close(end)
    os.close(terminal)
    assert b"src.db [####" in shown
    assert b" 82%" in shown


def test_the_permissions_of_a_source_are_those_of_its_table(
    source: str, ran: Ran, tmp_path: Path
) -> None:
    for mode, options, expected in (
        (0o640, (), 0o640),
        (0o600, ("-p",), 0o644),
        (0o664, (), 0o644),
    ):
        (tmp_path / "src.db").unlink(missing_ok=True)
        (tmp_path / "src").chmod(mode)
        ran("-w", *options, source)
        assert (tmp_path / "src.db").stat().st_mode & 0o777 == expected
    (tmp_path / "src.db").chmod(0o606)
    ran("-w", source)
    assert (tmp_path / "src.db").stat().st_mode & 0o777 == 0o606


@given(st.text(alphabet='ab:",\\ \n\t@#(<;\0\udce4'), st.booleans())
def test_any_text_is_entries_of_aliases_or_is_told(text: str, utf8: bool) -> None:
    told: list[str] = []
    lines = logical_lines(text, "aliases", told.append)
    for number, name, value in entries(lines, "aliases", told.append, utf8):
        assert number >= 1
        assert isinstance(name, str)
        assert value
    assert all(line.startswith(("aliases, line ", "aliases: logical line")) for line in told)
