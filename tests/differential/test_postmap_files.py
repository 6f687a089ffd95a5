"""postmap and postalias asked the same of Debian's Postfix and of ours: files, keys, options.

Each side builds and asks its own files in a folder of its own. Output, warnings and exit status are
the same to the byte, but for what is meant:

- our hash and btree tables are listed in the order of their keys, Postfix's hash tables are not;
- a message that ends a command (fatal) may say more than Postfix's, so it is not compared, and
  what was found before is printed, which in Postfix is lost;
- our hash tables know no trailing NUL (-n, -N), so a table is asked without these options.
"""

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from spoolmta.cli.tables import postalias, postmap
from tests.support.oracle import Answer, needs_postfix, ours, postfix

pytestmark = needs_postfix

MEMORY = Path("/dev/shm")
_FATAL = ": fatal: "

OURS: dict[str, Callable[[], object]] = {"postmap": postmap.main, "postalias": postalias.main}


@dataclass(frozen=True)
class Sides:
    """A folder for each of the two."""

    root: Path

    def write(self, name: str, content: str) -> None:
        """Put a source file on both sides."""
        for side in ("postfix", "ours"):
            write_a_while_ago(self.root / side / name, content)

    def same(self, program: str, *arguments: str, stdin: str = "") -> None:
        """Run a command on both sides and compare what they say."""
        self.all_same(program, [arguments], stdin=stdin)

    def all_same(self, program: str, calls: Sequence[tuple[str, ...]], *, stdin: str = "") -> None:
        """Run commands that change nothing; Postfix's side by side: it sleeps before it fails."""
        environment = {"MAIL_CONFIG": str(self.root)}
        os.chdir(self.root / "postfix")
        with ThreadPoolExecutor(len(calls)) as pool:
            theirs = pool.map(
                lambda arguments: postfix(
                    program, *arguments, stdin=stdin, environment=environment
                ),
                calls,
            )
            answers = dict(zip(calls, theirs, strict=True))
        os.chdir(self.root / "ours")
        for arguments, answer in answers.items():
            own = ours(OURS[program], program, *arguments, stdin=stdin, environment=environment)
            if _FATAL in answer.err and own.out.startswith(answer.out):
                own = replace(own, out=answer.out)  # what Postfix had not printed yet is lost
            assert _comparable(own, arguments) == _comparable(answer, arguments), arguments


def write_a_while_ago(path: Path, content: str) -> None:
    """Write a file that Postfix does not take for one that is still being written: it waits."""
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    then = time.time() - 60
    os.utime(path, (then, then))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, if there is a place: both sides wait for the disk after each build."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def sides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sides:
    write_a_while_ago(
        folder / "main.cf", "compatibility_level = 3.6\nmyhostname = mx.test.example\n"
    )
    for side in ("postfix", "ours"):
        (folder / side).mkdir()
    monkeypatch.chdir(folder)
    return Sides(folder)


def _comparable(answer: Answer, arguments: tuple[str, ...]) -> Answer:
    out = answer.out
    if any(argument[:1] == "-" and "s" in argument for argument in arguments):
        lines = out.splitlines(keepends=True)
        out = "".join(sorted(line for line in lines if not line.startswith("YP_LAST_MODIFIED")))
    err = "".join(line for line in answer.err.splitlines(keepends=True) if _FATAL not in line)
    if "-v" in arguments:
        # Postfix tells of its own workings, too.
        err = "".join(line for line in err.splitlines(keepends=True) if ": warning: " in line)
    return Answer(answer.status, _visible(out), _visible(err))


def _visible(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


SOURCES = {
    "pairs": "Key1   value one\nkey2\tvalue two\n",
    "comment inside": "Key1   value one\n# comment\n   continued\nkey1 dup\n",
    "no value": "novalue\nk v\n",
    "quoted blank": '"a b"@x.org  quoted\n"A B" c\n',
    "alias format": "x: y\n: z\n:a b\n",
    "white space first": "  lead white\n  more\nkey v\n",
    "white space after comments": "\n#c\n  lead white\n# d\n more\nkey v\n",
    "long white space line": "  aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee f\nk v\n",
    "backslash at the end": "key v\\\nx y\nz\\ \nq\\\n",
    "open quote": '"open key\nk v\nk2" v\n',
    "quotes inside": 'a"b c"d v\nk"a b"c d"e f"\n"a\\"b" v\n"a\\\\"b c\n',
    "backslash blank": "a\\ b c\n\\a b\n",
    "empty quotes": '"" empty\n""x y\n',
    "no utf-8": "k\udce4y v\nkey v\udce4l\n\t\udce4 c\nx y\n",
    "utf-8": "kÄy väl\nKäY dup\nSTRASSE v\nstraße w\n",
    "blanks of unicode": "k\u2003x v\nk\u00a0 w\n",
    "NUL": "k\0x v\nb a\0c\n",
    "carriage returns": "k v\r\nk2 v2\r\n\r\n",
    "blanks everywhere": "k \tv  \t \n  \t more  \n",
    "vertical tab": "k\vx v\nk2\fx v\n",
    "empty": "",
    "comments alone": "# only\n  # that\n",
    "no line end": "k v\nk2 v2",
    "twice": "A v\na w\nA x\n",
    "byte order mark": "\ufeffk v\n",
    "long value": "k " + "v" * 5000 + "\n",
    "dollar": "k $1 ${x}\n",
    "address keys": "User@Example.COM x\n@Example.COM y\nuser+ext@example.com z\n<> null\n",
}


ASKED = 'key1\nKEY1\nk\nK\na\nA\n"a b"@x.org\nx:\nkÄy\nstraße\nuser@example.com\nk\udce4\n'


@pytest.mark.parametrize("options", [(), ("-w",), ("-r",), ("-f",), ("-u",)], ids=str)
@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_understood_the_same(
    sides: Sides, source: str, options: tuple[str, ...]
) -> None:
    sides.write("table", SOURCES[source])
    sides.same("postmap", *options, "lmdb:table")
    sides.same("postmap", "-s", *options, "lmdb:table")
    sides.same("postmap", "-q", "-", "lmdb:table", stdin=ASKED)


@pytest.mark.parametrize("kind", ["cdb", "texthash"])
@pytest.mark.parametrize("source", SOURCES)
def test_every_type_answers_the_same(sides: Sides, source: str, kind: str) -> None:
    sides.write("table", SOURCES[source])
    if kind != "texthash":
        sides.same("postmap", f"{kind}:table")
    sides.same("postmap", "-q", "-", f"{kind}:table", stdin=ASKED)
    sides.same("postmap", "-s", f"{kind}:table")


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_hash_and_btree_tables_are_built_the_same(sides: Sides, kind: str) -> None:
    sides.write("table", "\n".join(SOURCES.values()))
    for options in ((), ("-r",), ("-w",)):
        sides.same("postmap", *options, f"{kind}:table")
        sides.same("postmap", "-s", f"{kind}:table")
        sides.same("postmap", "-q", "-", f"{kind}:table", stdin=ASKED)


ALIASES = {
    "names and programs": 'Root: joe,\n  "|/bin/x y"\n"a b": c\nbad line\n',
    "no entries": 'noval:\na@b: c\njust words\n"open: x\n: y\n',
    "quoted names": '"quoted: name" : a\n"a"b: c\na b: d\n"a" b: e\n',
    "white space first": "  lead: x\nkey: v\n",
    "twice": "root: a\nRoot: b\n",
    "open quote": 'x: "\ny: (unclosed\nz: [unclosed\n',
    "lists": "x: joe,bob,  c  ,d\ny: a,,b\nz: ,\nq: ,a\n",
    "addresses": 'x: Jane Doe <j@x.org>, "a b"@x, "J D" <q@x>\ny: <>, a@b@c, <a@b> (c)\n',
    "includes": 'x: "|/bin/x y" , :include:/a/b c, /file/name, "/file with blank"\n',
    "bare program": "x: |/bin/cat\n",
    "backslashes": 'x: \\joe, a\\ b\ny: "|prog \\"q\\" \\\\x"\nz: a\\\n',
    "comments": "x: a(comment)b, (c) d\ny: z # no comment\n(c) k: v\nx(c): y\n",
    "separators": "x: a;b: c:d\ny: g: a, b;\n",
    "literals": "x: [1.2.3.4] @x a@[1.2.3.4] a!b%c\n[x]: y\n",
    "empty words": 'x: "" , ""@x, " "\n',
    "dots": "x: a.b.c , .a , a..b\na.b: c\n",
    "adjacent": 'x: "a"b, "a" b, a "b"\n"x""y": a\nx."y z": b\n',
    "utf-8": 'x: café@dé, "é b"\nkÄ: x\n',
    "no utf-8": "k\udce4y: v\nkey: v\udce4l\n",
    "odd names": '<a>: c\na,b: c\na+b: c\n"a@b": c\n\\a: c\n"a\\"b": c\n@: x\n|x: y\nx!y: z\n',
    "continued": "x:\n  y\nz: a\n# in between\n b\n",
}


@pytest.mark.parametrize("options", [(), ("-w",), ("-r",), ("-f",)], ids=str)
@pytest.mark.parametrize("source", ALIASES)
def test_aliases_are_understood_the_same(
    sides: Sides, source: str, options: tuple[str, ...]
) -> None:
    sides.write("aliases", ALIASES[source])
    sides.same("postalias", *options, "lmdb:aliases")
    sides.same("postalias", "-s", *options, "lmdb:aliases")
    sides.same("postalias", "-q", "-", "lmdb:aliases", stdin="x\nX\nroot\na b\n@\n")


INLINE = [
    "inline:{a=b}", "inline:{a=b, {c = d e}, f=}", "inline:{ {a=b} }", "inline:{a =b}",
    "inline:{a= b}", "inline:{a=b,a=c}", "inline:{A=b}", "inline:{{a}}", "inline:{a}",
    "inline:{{=x}}", "inline:{=x}", "inline:{{a=}}", "inline:{a=b}x", "inline:x", "inline:{}",
    "inline:{ }", "inline:{,}", "inline:{{}}", "inline:{{a=b}x}", "inline:{{a=b} ,, f=g}",
    "inline:{a={b}}", 'inline:{"a b"=c}', 'inline:{{"a" = c}}', 'inline:{{"a=b}}', "inline:{a=b",
    "inline:{a}b}", "inline:{{a=b}", "inline:{a=b}}", 'inline:{a="b}', "inline:{{a b=c}}",
    "inline:{{ a = b = c }}", "inline: {a=b}", "inline:{{a\udce4=b}}", "static:b", "static:{ b c }",
    "static:{b", "static:{b}x", "static: b ", "static:{}", "static:{ }", "static:",
    "static:v\udce4",
    "unix:passwd.byname", "unix:foo", "environ:", "environ:x", "internal:x", "fail:x", ":x", "x:",
    "nosuch:x", "hash:nothere", "cdb:nothere", "texthash:nothere",
]  # fmt: skip


@pytest.mark.parametrize("spec", INLINE, ids=ascii)
def test_tables_without_a_file_answer_the_same(sides: Sides, spec: str) -> None:
    keys = ("a", "A", "c", "root", "", "k\udce4")
    calls = [("-q", key, spec) for key in keys] + [("-f", "-q", "A", spec), ("-d", "a", spec)]
    if "passwd" not in spec:
        calls.append(("-s", spec))
    sides.all_same("postmap", [*calls, (spec,)])


CALLS = [
    (), ("-Z",), ("-q",), ("-q", "a", "-s", "hash:t"), ("-q", "a", "-q", "b", "hash:t"),
    ("-s", "-s", "hash:t"), ("-d", "a", "-q", "b", "hash:t"), ("-d", "a", "-s", "hash:t"),
    ("-h", "-q", "x", "hash:t"), ("-h", "hash:t"), ("-b", "-d", "x", "hash:t"),
    ("-m", "-q", "-", "hash:t"), ("-h", "-d", "-", "hash:t"), ("-r", "-w", "hash:t"),
    ("-i", "-q", "k1", "hash:t"), ("-q", "k2", "--", "hash:t"), ("hash:t", "-q", "k2"), ("t",),
    ("-s", "t"), ("-c", "/nodir", "-q", "k1", "hash:t"), ("-q", "k1", "hash:none", "hash:t"),
    ("-q", "k1", "hash:t", "hash:none"), ("-F", "-q", "k2", "hash:t"), ("-Fs", "hash:t"),
    ("-q", "k1", "hash:t", "hash:u"), ("-d", "k1", "hash:t", "hash:u"), ("-d", "zz", "hash:t"),
    ("-d", "K1", "hash:t"), ("-fd", "K1", "hash:t"), ("-d", "", "hash:t"), ("-d", "a", "hash:none"),
    ("-s", "hash:none"), ("-q", "a", "lmdb:none"), ("-d", "a", "cdb:t"), ("-i", "cdb:t"),
    ("nosuch:t",), ("regexp:t",),
    ("hash:/nodir/t",), ("-i", "hash:new"), ("fail:t",), ("-oprw", "hash:t"), ("proxy:hash:t",),
]  # fmt: skip


TABLES = {"t": "k1 v1\nk2 v2\n", "u": "k1 other\nk3 v3\n"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with tables of both sides, to be copied."""
    root = tmp_path_factory.mktemp("built")
    write_a_while_ago(root / "main.cf", "compatibility_level = 3.6\n")
    environment = {"MAIL_CONFIG": str(root)}
    for side in ("postfix", "ours"):
        (root / side).mkdir()
        for name, content in TABLES.items():
            source = root / side / name
            write_a_while_ago(source, content)
            for table in (f"hash:{source}", f"lmdb:{source}"):
                if side == "postfix":
                    postfix("postmap", table, environment=environment)
                else:
                    ours(OURS["postmap"], "postmap", table, environment=environment)
    return root


def take(built: Path, sides: Sides) -> None:
    """Copy the tables that are built to where they are asked and changed."""
    for side in ("postfix", "ours"):
        shutil.copytree(built / side, sides.root / side, dirs_exist_ok=True)


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_a_call_ends_the_same(sides: Sides, built: Path, arguments: tuple[str, ...]) -> None:
    take(built, sides)
    sides.same("postmap", *arguments)
    sides.same("postmap", "-s", "hash:t")
    sides.same("postmap", "-s", "hash:u")


INCREMENTS = ["k1 new\nk9 v\n", "bad\nk v\n  lead\n", " lead\n", "", "K1 a\nk1 b\n", "q: r\n"]


@pytest.mark.parametrize("kind", ["hash", "lmdb"])
@pytest.mark.parametrize("options", ["-i", "-ir", "-iw", "-if"])
@pytest.mark.parametrize("added", INCREMENTS)
def test_entries_are_added_the_same(
    sides: Sides, built: Path, kind: str, options: str, added: str
) -> None:
    take(built, sides)
    sides.same("postmap", options, f"{kind}:t", stdin=added)
    sides.same("postmap", "-s", f"{kind}:t")
    sides.same("postmap", "-d", "-", f"{kind}:t", stdin="k1\nzz\n\nK2\n")
    sides.same("postmap", "-s", f"{kind}:t")


def test_files_are_values_the_same(sides: Sides) -> None:
    sides.write("one", "one\n")
    sides.write("two", "two")
    sides.write("binary", "bin\0\udcff")
    sides.write("t", "k one, two\nx binary\nn nofile\nb {\n")
    sides.same("postmap", "-F", "lmdb:t")
    sides.same("postmap", "-s", "lmdb:t")
    sides.same("postmap", "-Fs", "lmdb:t")
    for key in "kxn":
        sides.same("postmap", "-F", "-q", key, "lmdb:t")
    sides.same("postmap", "-Fq", "k", "inline:{k=one}")
    sides.same("postmap", "-Fq", "k", "static:nofile")


MULTIPART = """\
Subject: a
 folded
Content-Type: multipart/mixed; boundary="b"

pre
--b
Content-Type: text/plain

text
--b
Content-Type: message/rfc822

Subject: inner

inner body
--b
Content-Type: application/x; name=q
X-More: 1

attach
--b--
epilogue
"""
MESSAGES = {
    "plain": "Subject: a\n b\nTo: x\n\nbody\nline\n lead\n\nlast\n",
    "multipart": MULTIPART,
    "nested multipart": MULTIPART.replace(
        "Subject: inner\n", 'Subject: inner\nContent-Type: multipart/alternative; boundary="i"\n'
    ).replace("inner body\n", "inner body\n--i\nA: b\n\nc\n--i--\nd\n"),
    "unquoted boundary": MULTIPART.replace('"b"', "b"),
    "no header": "not a header\nline\n\nx\n",
    "empty line first": "\nx\n",
    "header alone": "A: b\n",
    "carriage returns": "A: b\r\nB: c\r\n\r\nbody\r\n",
    "header after text": "A: b\nnot header\nC: d\n\ne",
    "nothing": "",
    "no utf-8": "A: b\udce4\n\nq\udce4\n",
    "mailbox": "From x@y\nA: b\n\nc\n",
}


@pytest.mark.parametrize("options", ["-h", "-b", "-hb", "-hm", "-bm", "-hbm"])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_shown_the_same(sides: Sides, message: str, options: str) -> None:
    table = "regexp:{{/(.*)/ <$1>}}"
    sides.same("postmap", options, "-q", "-", table, stdin=MESSAGES[message])


@pytest.mark.parametrize("kind", ["lmdb", "cdb"])
@pytest.mark.parametrize("options", [(), ("-n",), ("-N",)], ids=str)
def test_postfix_reads_our_files_and_we_read_its(
    sides: Sides, kind: str, options: tuple[str, ...]
) -> None:
    sides.write("t", "".join(f"key{i} value{i * 7}\n" for i in range(500)))
    sides.same("postmap", *options, f"{kind}:t")
    files = [sides.root / side / f"t.{kind}" for side in ("postfix", "ours")]
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, reversed(contents), strict=True):
        file.write_bytes(content)
    sides.same("postmap", "-q", "-", f"{kind}:t", stdin="".join(f"KEY{i}\n" for i in range(600)))
    sides.same("postmap", "-s", f"{kind}:t")


def test_a_cdb_file_is_the_same_to_the_byte(sides: Sides) -> None:
    sides.write("t", "".join(f"key{i} value{i * 7}\n" for i in range(500)))
    sides.same("postmap", "cdb:t")
    files = [(sides.root / side / "t.cdb").read_bytes() for side in ("postfix", "ours")]
    assert files[0] == files[1]


def test_permissions_are_the_same(sides: Sides) -> None:
    for mode in (0o600, 0o640, 0o644, 0o444, 0o666, 0o755):
        sides.write("t", "k v\n")
        for options in ((), ("-p",)):
            for side in ("postfix", "ours"):
                (sides.root / side / "t").chmod(mode)
                (sides.root / side / "t.lmdb").unlink(missing_ok=True)
            sides.same("postmap", *options, "lmdb:t")
            modes = [(sides.root / s / "t.lmdb").stat().st_mode for s in ("postfix", "ours")]
            assert modes[0] == modes[1], oct(mode)
    for side in ("postfix", "ours"):
        (sides.root / side / "t.lmdb").chmod(0o606)
    sides.same("postmap", "lmdb:t")
    modes = [(sides.root / side / "t.lmdb").stat().st_mode for side in ("postfix", "ours")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("given", ["", "\n", "\n\n", "\nkey1\n\n", "key1"], ids=repr)
def test_the_same_keys_are_on_standard_input(sides: Sides, given: str) -> None:
    sides.same("postmap", "-q", "-", "static:all", stdin=given)
    sides.same("postmap", "-q", "-", "inline:{key1=one}", stdin=given)


@pytest.mark.root
@pytest.mark.parametrize("kind", ["lmdb", "hash"])
@pytest.mark.parametrize("options", [(), ("-o",), ("-i",)], ids=str)
def test_root_becomes_the_owner_of_the_source_alike(
    sides: Sides, kind: str, options: tuple[str, ...]
) -> None:
    owner = pwd.getpwnam("nobody")
    sides.root.chmod(0o755)
    for side in ("postfix", "ours"):
        own = sides.root / side / "own"
        own.mkdir()
        os.chown(own, owner.pw_uid, owner.pw_gid)
    for name in ("own/table", "table"):
        sides.write(name, SOURCES["pairs"])
        for side in ("postfix", "ours"):
            os.chown(sides.root / side / name, owner.pw_uid, owner.pw_gid)
        sides.same("postmap", *options, f"{kind}:{name}", stdin="key3 value\n")
    assert owners(sides.root / "ours") == owners(sides.root / "postfix")


def owners(folder: Path) -> list[tuple[str, int]]:
    """Return the tables below a folder with the users whose they are."""
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_uid) for path in folder.rglob("table*")
    )
