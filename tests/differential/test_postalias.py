"""postalias of generated alias files: the same warnings, the same entries, the same answers.

A seed makes the files, of pieces that are awkward by themselves and worse together.
"""

import random
from pathlib import Path

import pytest

from spoolmta.cli.tables.postalias import main
from tests.support.oracle import Answer, needs_postfix, ours, postfix

pytestmark = needs_postfix

SOURCES = 25
LINES = 12
NAMES = (
    "joe", "Joe", "j.doe", '"joe"', '"joe doe"', "joe doe", '"a@b"', "a@b", '"c:d"', "#e", '"#f"',
    "owner-joe", "joe+ext", "joe (remark)", "(remark) ann", "a,b", "", '""', "a\\b", '"a\\"b"',
    "j\u00f6rg", "<ann>", "a;b", "x!y", "p%q", "ann.", ".ann", "a..b", "[x]", "*",
)  # fmt: skip
VALUES = (
    "ann", "ann, bob", "ann,bob,", ",", "", " ", "ann bob", "<ann@x.example>", "Ann A <ann@x.org>",
    '"Ann A" <a@x.example> (remark)', '"|prog -a \\"b, c\\""', "|prog", "/dev/null", '"/a b"',
    ":include:/etc/list", '":include:/etc/a list"', "\\ann", "grp: a, b;", "a@x.org;b@y.example",
    "a@[192.0.2.1]", '"a@b"', '""', "<unclosed", "a # no remark", "~/box",
    "a . b @ c", "j\u00f6rg@x.example", "a\tb", "@r1,@r2:a@x.org", '"a\\\\b"', "a:b", "a: b: c",
)  # fmt: skip
SEPARATORS = (": ", ":", " : ", ":\t", " ", ":\n  ", ":\n# remark\n\t")
ENDS = ("\n", "\n", "\n", "  \n", "\n\n", "\r\n", "\n   \n")


def source(seed: int) -> str:
    """Return an alias file."""
    rng = random.Random(seed)
    text = "".join(
        rng.choice(NAMES) + rng.choice(SEPARATORS) + rng.choice(VALUES) + rng.choice(ENDS)
        for _ in range(rng.randint(1, LINES))
    )
    return rng.choice(("", "  leading\n", "# remark\n", "\n")) + text


@pytest.mark.parametrize("seed", range(SOURCES))
def test_generated_alias_files_make_the_same_tables(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "aliases"
    path.write_bytes(source(seed).encode("utf-8", "surrogateescape"))
    path.chmod(0o644)
    table = f"lmdb:{path}"
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mx.test.example\n")
    arguments = ("-c", str(tmp_path))
    their_build = postfix("postalias", *arguments, table)
    their_entries = _entries(postfix("postalias", *arguments, "-s", table))
    keys = "".join(f"{key}\n" for key, _ in their_entries if key)
    their_answers = postfix("postalias", *arguments, "-q", "-", table, stdin=keys)
    for made in tmp_path.glob("aliases.*"):
        made.unlink()
    assert ours(main, "postalias", *arguments, table) == their_build, path.read_text(
        "utf-8", "replace"
    )
    assert _entries(ours(main, "postalias", *arguments, "-s", table)) == their_entries
    assert ours(main, "postalias", *arguments, "-q", "-", table, stdin=keys) == their_answers


def _entries(answer: Answer) -> list[tuple[str, str]]:
    """Return the entries of a table but the one that has the time in it, in a fixed order."""
    lines = (line.partition(":\t") for line in answer.out.split("\n") if line)
    return sorted((key, value) for key, _, value in lines if key != "YP_LAST_MODIFIED")
