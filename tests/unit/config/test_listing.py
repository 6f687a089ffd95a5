from pathlib import Path

import pytest

from spoolmta.config import catalogue, listing
from spoolmta.config.loader import load
from spoolmta.config.master_cf import Columns, overrides_of, parse_master
from spoolmta.config.unused import Names

SITES = Path(__file__).parents[4] / "shared" / "configs"
needs_sites = pytest.mark.skipif(not SITES.is_dir(), reason="no collection of real configurations")
# Postfix 3.7 printed the expected texts; it did not know these.
LATER = {"smtpd_client_ipv6_prefix_length", "smtpd_hide_client_session"}


def sites() -> list[str]:
    return sorted(p.name for p in SITES.iterdir() if p.is_dir()) if SITES.is_dir() else []


def expected(site: str, kind: str) -> list[str]:
    return (SITES / site / f"golden.postconf-{kind}").read_text().rstrip("\n").split("\n")


@needs_sites
@pytest.mark.parametrize("site", sites())
def test_settings_of_real_sites_are_printed_as_postfix_prints_them(site: str) -> None:
    configuration = load(SITES / site)
    settings = {**configuration.main.values, "config_directory": "CONFIG_DIRECTORY"}
    used = Names(configuration).used - LATER
    printed = [listing.parameter(n, v) for n, v in sorted(settings.items()) if n in used]
    assert printed == expected(site, "n")


@needs_sites
@pytest.mark.parametrize("site", sites())
def test_services_of_real_sites_are_printed_as_postfix_prints_them(site: str) -> None:
    entries = load(SITES / site).master.entries
    assert [listing.service(entry) for entry in entries] == expected(site, "M")


@needs_sites
@pytest.mark.parametrize("site", sites())
def test_overrides_of_real_sites_are_printed_as_postfix_prints_them(site: str) -> None:
    printed = [
        listing.parameter(f"{entry.key}/{name}", value)
        for entry in load(SITES / site).master.entries
        for name, value in sorted(overrides_of(entry, "master.cf").items())
    ]
    assert printed == expected(site, "P")


def entry(line: str) -> Columns:
    return parse_master(line, "master.cf").entries[0]


def test_a_long_value_is_folded() -> None:
    assert listing.parameter("a", "x" * 70 + "  yyy  zzz", folded=True).split("\n") == [
        "a = " + "x" * 70 + " yyy",
        "    zzz",
    ]


def test_a_folded_service_has_a_line_per_option() -> None:
    columns = entry(
        "yabc unix - - - - - smtpd -v -o mail_name=b -D -D -o {mail_name=x y}"
        " lots of text here to get over the line length ok yes {a b} c d e f g h i j k l"
    )
    assert listing.service(columns, folded=True).split("\n") == [
        "yabc       unix  -       -       -       -       -       smtpd -v",
        "    -o mail_name=b",
        "    -D -D",
        "    -o {mail_name=x y}",
        "    lots of text here to get over the line length ok yes {a b} c d e f g h i j",
        "    k l",
    ]


def test_a_printed_service_means_the_same() -> None:
    line = "a unix - - - - - x -o b=c -o { d = e  f } flags=q argv=y {z z} -o g"
    columns = entry(line)
    again = entry(listing.service(columns, folded=True))
    assert again.fields == columns.fields
    assert overrides_of(again, "m") == {"b": "c", "d": "e  f"}
    assert again.arguments[-4:] == ("argv=y", "z z", "-o", "g")


def test_the_command_field_holds_the_arguments() -> None:
    columns = entry("a unix - - - - - x -o b=c d")
    assert listing.field(columns, "command") == "x -o b=c d"
    assert listing.field(columns, "unprivileged") == "-"


def test_the_catalogue_is_sorted_and_complete_enough() -> None:
    names = list(catalogue.known())
    assert names == sorted(names)
    assert len(names) > 800
