import functools
import itertools
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config import edit
from spoolmta.config.main_cf import parse_main
from spoolmta.errors import ConfigError

MAIN = """\
# top
a = 1,
   2
# inside
   3

b = x
#a = old
"""


def test_a_value_is_replaced_and_comments_stay() -> None:
    assert edit.set_parameters(MAIN, {"a": "9"}) == "# top\na = 9\n# inside\n\nb = x\n#a = old\n"


def test_a_new_name_comes_at_the_end() -> None:
    assert edit.set_parameters(MAIN, {"new": "y"}) == MAIN + "new = y\n"
    assert edit.set_parameters("a = 1", {"new": ""}) == "a = 1\nnew = \n"


def test_every_definition_of_a_name_is_replaced() -> None:
    assert edit.set_parameters("a = 1\nb = 2\na = 3\n", {"a": "4"}) == "a = 4\nb = 2\na = 4\n"
    assert edit.repeated("a = 1\nb = 2\na = 3\n", frozenset("ab")) == ["a"]


def test_a_definition_is_removed_with_its_continuation() -> None:
    expected = "# top\n# inside\n\nb = x\n#a = old\n"
    assert edit.remove_parameters(MAIN, frozenset("a")) == expected


def test_a_definition_becomes_a_comment() -> None:
    assert edit.comment_out_parameters(MAIN, frozenset("ab")) == (
        "# top\n#a = 1,\n#   2\n# inside\n#   3\n\n#b = x\n#a = old\n"
    )


def test_services_are_replaced_removed_and_commented_out() -> None:
    master = "# top\na unix - - - - - b\n  -o x=y\n# c\nd inet n - - - - e\n"
    assert edit.set_services(master, {"a/unix": "A", "n/unix": "N"}) == (
        "# top\nA\n# c\nd inet n - - - - e\nN\n"
    )
    assert edit.remove_services(master, frozenset(["d/inet"])) == (
        "# top\na unix - - - - - b\n  -o x=y\n# c\n"
    )
    assert edit.comment_out_services(master, frozenset(["a/unix"])) == (
        "# top\n#a unix - - - - - b\n#  -o x=y\n# c\nd inet n - - - - e\n"
    )


@given(
    st.lists(st.sampled_from(["# c", "", "a = 1", "b =", "  more", "\t", "c=2"]), max_size=8),
    st.sampled_from("abcd"),
    st.sampled_from(["", "x", "y z"]),
)
def test_only_the_named_value_changes(lines: list[str], name: str, value: str) -> None:
    before = parse_main("\n".join(lines), "m").values
    after = parse_main(edit.set_parameters("\n".join(lines), {name: value}), "m").values
    assert after == {**before, name: value}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_keeps_its_permissions_and_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a = 1\n")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "main.cf").symlink_to("real")
    edit.change_file(tmp_path / "main.cf", lambda text: text + "b = 2\n")
    assert (tmp_path / "real").read_text() == "a = 1\nb = 2\n"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "main.cf").is_symlink()
    assert names_in(tmp_path) == ["main.cf", "real"]


def test_a_change_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    def fail(text: str) -> str:
        raise ConfigError("no")

    (tmp_path / "main.cf").write_text("a = 1\n")
    with pytest.raises(ConfigError, match="no"):
        edit.change_file(tmp_path / "main.cf", fail)
    assert (tmp_path / "main.cf").read_text() == "a = 1\n"
    assert names_in(tmp_path) == ["main.cf"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"open .*/no/main\.cf\.tmp: No such file"):
        edit.change_file(tmp_path / "no" / "main.cf", str)


def test_changes_at_the_same_time_are_all_made(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_names, args=(tmp_path, w)) for w in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    names = set(parse_main((tmp_path / "main.cf").read_text(), "m").values)
    assert names == {f"n{w}_{i}" for w in range(3) for i in range(20)}


def _add_names(folder: Path, worker: int) -> None:
    for number in range(20):
        add = functools.partial(edit.set_parameters, settings={f"n{worker}_{number}": "x"})
        edit.change_file(folder / "main.cf", add)


def test_a_change_that_is_killed_leaves_the_old_text_or_the_new_one(tmp_path: Path) -> None:
    texts = [f"a = {letter * 500_000}\n" for letter in "xyz"]
    file = tmp_path / "main.cf"
    file.write_text(texts[0])
    for turn in range(20):
        child = os.fork()
        if child == 0:
            for text in itertools.cycle(texts):
                edit.change_file(file, lambda _, text=text: text)
        time.sleep(0.002 * turn)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert file.read_text() in texts
    edit.change_file(file, lambda _: "a = 1\n")
    assert names_in(tmp_path) == ["main.cf"]


@pytest.mark.root
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "main.cf"
    file.write_text("")
    os.chown(file, 12345, 54321)
    edit.change_file(file, lambda _: "a = 1\n")
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)
