import asyncio
import time
from pathlib import Path

import pytest

from spoolmta.address.canonical import AddressKind, Canonical
from spoolmta.address.resolve import resolve
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import expand_virtual_aliases
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.errors import MapUnavailable
from spoolmta.maps import open_maps, open_match_list
from spoolmta.maps.memory import Memory, is_memorable
from spoolmta.maps.watched import keep_problems, tell_problems

EVERY = frozenset(AddressKind)
# A file is looked at once a second; the rest is for a busy machine.
NOTICED_S = 5.0


def routing(**settings: str) -> Routing:
    main = "compatibility_level = 3.11\nmyhostname = mx.test\nmydestination = mx.test\n"
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    return Routing.open(from_text(main + lines).section(RoutingParameters))


def remembering(*specs: str) -> Memory[str, str]:
    return Memory([open_maps(spec).states for spec in specs])


@pytest.mark.parametrize(
    "specs",
    [
        "tcp:127.0.0.1:9",
        "socketmap:inet:127.0.0.1:9:x",
        "randmap:{a,b}",
        "fail:x",
        "debug:static:x",
        "inline:{a=b} tcp:127.0.0.1:9",
    ],
)
def test_what_may_be_answered_otherwise_at_any_time_is_not_remembered(specs: str) -> None:
    assert remembering("static:x", specs).answers() is None


def test_what_main_cf_and_files_say_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("a b\n")
    (tmp_path / "patterns").write_text("/a/ b\n")
    memory = remembering(
        "inline:{a=b} static:x", f"texthash:{tmp_path}/table", f"pcre:{tmp_path}/patterns"
    )
    known = memory.answers()
    assert known is not None
    known["a"] = "b"
    assert memory.answers() == {"a": "b"}


def test_a_list_is_remembered_unless_its_file_names_a_server(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("here.test\n")
    memory: Memory[str, bool] = Memory([open_match_list(str(path)).states])
    assert memory.answers() == {}
    path.write_text("tcp:127.0.0.1:9\n")
    deadline = time.monotonic() + NOTICED_S
    while memory.answers() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert memory.answers() is None


@pytest.mark.parametrize("limit", [256, 10_000])
def test_memory_is_bounded(limit: int) -> None:
    memory: Memory[str, str] = Memory([open_maps("static:x").states], limit)
    known = memory.answers()
    assert known is not None
    known.update((str(number), "x") for number in range(limit - 1))
    time.sleep(0.02)
    assert memory.answers() is known
    known["one more"] = "x"
    time.sleep(0.02)
    assert memory.answers() == {}


def test_long_keys_and_those_that_are_no_utf8_are_not_remembered() -> None:
    assert [is_memorable(key) for key in ("a@b", "é@b", "a" * 400, "\udce9@b")] == [
        *(True, True, False, False)
    ]


def test_what_was_found_out_while_a_table_changed_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("a b\n")
    memory = remembering(f"texthash:{path}")
    before = memory.answers()
    assert before is not None
    path.write_text("a c\n")
    deadline = time.monotonic() + NOTICED_S
    while memory.answers() is before and time.monotonic() < deadline:
        time.sleep(0.05)
    before["a"] = "b"
    assert memory.answers() == {}


@pytest.mark.parametrize(
    ("parameter", "before", "after"),
    [
        ("transport_maps", "x.test smtp:one\n", "x.test smtp:two\n"),
        ("relocated_maps", "u@x.test there\n", "u@x.test elsewhere\n"),
        ("relay_domains", "y.test x\n", "x.test x\n"),
        ("mydestination", "y.test x\n", "x.test x\n"),
        ("sender_dependent_relayhost_maps", "s@s.test one\n", "s@s.test two\n"),
    ],
)
def test_a_changed_table_is_used_although_a_route_was_remembered(
    parameter: str, before: str, after: str, tmp_path: Path
) -> None:
    path = tmp_path / "table"
    path.write_text(before)
    site = routing(**{parameter: f"texthash:{path}"})

    def found() -> object:
        return asyncio.run(resolve("u@x.test", sender="s@s.test", routing=site))

    old = found()
    time.sleep(0.3)  # the file is no longer one that somebody just writes to
    assert found() == old
    path.write_text(after)
    changed = time.monotonic()
    while found() == old and time.monotonic() < changed + NOTICED_S:
        time.sleep(0.02)
    assert found() == asyncio.run(
        resolve("u@x.test", sender="s@s.test", routing=routing(**_inline(parameter, after)))
    )
    assert time.monotonic() - changed < NOTICED_S


def _inline(parameter: str, lines: str) -> dict[str, str]:
    key, value = lines.split()
    return {parameter: f"inline:{{{key}={value}}}"}


def test_a_changed_table_is_used_although_an_expansion_was_remembered(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("u@x.test one@y.test\n")
    site = routing(virtual_alias_maps=f"texthash:{path}", canonical_maps=f"texthash:{path}")
    canonical = Canonical(EVERY, EVERY, EVERY)

    def found() -> tuple[str, str]:
        expanded = asyncio.run(expand_virtual_aliases("u@x.test", site))
        kind = AddressKind.HEADER_SENDER
        return expanded[0], asyncio.run(canonical.replaced("u@x.test", kind, site, print))

    assert found() == found() == ("one@y.test", "one@y.test")
    path.write_text("u@x.test two@y.test\n")
    deadline = time.monotonic() + NOTICED_S
    while "one@y.test" in found() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found() == ("two@y.test", "two@y.test")


def test_a_warning_is_given_each_time() -> None:
    site = routing(canonical_maps="inline:{ {a@x.test=b@x.test, c@x.test} }")
    canonical = Canonical(EVERY, EVERY, EVERY)
    warnings: list[str] = []
    for _ in range(2):
        asyncio.run(
            canonical.replaced("a@x.test", AddressKind.HEADER_SENDER, site, warnings.append)
        )
    assert warnings == ["multi-valued canonical_maps entry for a@x.test"] * 2


def test_a_table_that_is_not_there_is_asked_again(tmp_path: Path) -> None:
    tell_problems(lambda _: None)
    try:
        path = tmp_path / "table"
        site = routing(transport_maps=f"texthash:{path}")
        with pytest.raises(MapUnavailable):
            asyncio.run(resolve("u@x.test", sender="", routing=site))
        path.write_text("x.test smtp:there\n")
        deadline = time.monotonic() + NOTICED_S
        nexthop = ""
        while not nexthop and time.monotonic() < deadline:
            try:
                nexthop = asyncio.run(resolve("u@x.test", sender="", routing=site)).nexthop
            except MapUnavailable:
                time.sleep(0.05)
        assert nexthop == "there"
    finally:
        keep_problems()


def test_the_sender_has_its_say_although_a_route_was_remembered() -> None:
    site = routing(
        sender_dependent_relayhost_maps="inline:{ {a@s.test=ra}, {b@s.test=rb} }",
        sender_dependent_default_transport_maps="inline:{ {b@s.test=slow:} }",
    )

    def route(sender: str) -> tuple[str, str]:
        found = asyncio.run(resolve("u@x.test", sender=sender, routing=site))
        return found.transport, found.nexthop

    assert [route(s) for s in ("a@s.test", "b@s.test", "c@s.test", "a@s.test")] == [
        *(("smtp", "ra"), ("slow", "rb"), ("smtp", "x.test"), ("smtp", "ra"))
    ]
