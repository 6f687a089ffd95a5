"""Virtual aliases and their limits, through both systems."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S = "s@src.example"
KEYS = """\
one@a.example         uno@far.example
many@a.example        m1@far.example, m2@far.example m3@far.example
chain@a.example       chain2@a.example
chain2@a.example      chain3@a.example
chain3@a.example      end@far.example
self@a.example        self@a.example, copy@far.example
loop1@a.example       loop2@a.example
loop2@a.example       loop1@a.example
@catch.example        all@far.example
known@catch.example   known@far.example
@old.example          @new.example
bare                  bare@far.example
short@a.example       shortname
host@a.example        who@otherhost
quoted@a.example      "q, x"@far.example, "a b"@far.example
comment@a.example     c1@far.example (a, comment), c2@far.example
phrase@a.example      A Name <p1@far.example>, "Other, Name" <p2@far.example>
group@a.example       folks: g1@far.example, g2@far.example;
route@a.example       <@hop.example:r@far.example>
percent@a.example     pct%far.example@mx.test.example
bang@a.example        far.example!bang
dup@a.example         d@far.example, d@far.example, D@FAR.example
diamond@a.example     left@a.example, right@a.example
left@a.example        same@far.example
right@a.example       same@far.example
ext+own@a.example     exact@far.example
ext@a.example         base@far.example
extself@a.example     extself@a.example, other@far.example
"q s"@a.example       qs@far.example
q u@a.example         qu@far.example
case@A.Example        case@far.example
blank@a.example       ,
nothing@a.example     <>
sub@sub.a.example     sub@far.example
partial@a.example     bad address@far.example
dots@a.example        x..y@far.example
colon@a.example       x:y@far.example
utf@a.example         é@far.example
semi@a.example        s1@far.example; s2@far.example
at@a.example          @far.example
trail@a.example       t@far.example.
file@a.example        /etc/passwd
command@a.example     "|/bin/true"
include@a.example     :include:/etc/passwd
"""
MAP = (
    "virtual_alias_maps = texthash:{etc}/virtual\n"
    "virtual_alias_domains = a.example, catch.example, old.example\n"
)


def one(name: str, *shows: str, **more: str) -> object:
    return mail(S, f"{name}@a.example", shows=shows, **more)


SITES = [
    Site(
        "an alias becomes one address or many",
        main=MAP + "recipient_delimiter = +\n",
        files={"virtual": KEYS},
        cases=[
            one("one", "to <uno@far.example>", "was <one@a.example>"),
            one("many", "to <m1@", "to <m2@", "to <m3@"),
            one("chain", "to <end@far.example>", "was <chain@a.example>"),
            one("self", "unknown", "to <copy@far.example>"),
            one("loop1", "451 4.6.0 Alias expansion error"),
            mail(S, "anyone@catch.example", shows="to <all@far.example>"),
            mail(S, "known@catch.example", shows="to <known@far.example>"),
            mail(S, "KNOWN@Catch.Example", shows="was <KNOWN@Catch.Example>"),
            mail(S, "joe@old.example", shows="to <joe@new.example>"),
            mail(S, "joe+x@old.example", shows="to <joe+x@new.example>"),
            mail(S, "bare", shows="to <bare@far.example>"),
            mail(S, "bare@mx.test.example", shows="to <bare@far.example>"),
            mail(S, "bare@far.example", shows="to <bare@far.example>"),
            one("short", "to <shortname@mx.test.example>"),
            one("host", "to <who@otherhost>"),
            one("unknown", "User unknown in virtual alias table"),
            mail(S, "x@sub.a.example", shows="to <x@sub.a.example>"),
            mail(S, "sub@sub.a.example", shows="to <sub@far.example>"),
        ],
    ),
    Site(
        "the value of an alias is a list of addresses as in a header",
        main=MAP + "append_dot_mydomain = yes\nmydestination = mx.test.example\n",
        files={"virtual": KEYS},
        cases=[
            one("quoted", "to <q, x@far.example>", "to <a b@far.example>"),
            one("comment", "to <c1@far.example>", "to <c2@far.example>"),
            one("phrase", "to <p1@far.example>", "to <p2@far.example>"),
            one("group", "to <g1@far.example>", "to <g2@far.example>"),
            one("route", "to <r@far.example>"),
            one("percent", "to <pct@far.example>"),
            one("bang", "to <bang@far.example>"),
            one("host", "to <who@otherhost.test.example>"),
            one("dup", "to <d@far.example>"),
            one("diamond", "to <same@far.example>"),
            mail(S, '"q s"@a.example', shows="to <qs@far.example>"),
            mail(S, '"q u"@a.example', shows="unknown"),
            one("case", "to <case@far.example>"),
            one("CASE", "to <case@far.example>"),
            one("blank"),
            one("nothing"),
            one("partial"),
            one("dots"),
            one("colon"),
            one("semi"),
            one("at"),
            one("trail"),
            one("file"),
            one("command"),
            one("include"),
        ],
    ),
    Site(
        "an address extension goes on to what an alias stands for",
        main=MAP + "recipient_delimiter = +-\n",
        files={"virtual": KEYS},
        cases=[
            one("ext+own", "to <exact@far.example>"),
            one("ext+more", "to <base+more@far.example>"),
            one("ext-more", "to <base-more@far.example>"),
            one("many+x", "to <m1+x@", "to <m3+x@"),
            one("extself+x"),
            one("chain+x", "to <end+x@far.example>"),
            one("ext+"),
            one("ext+a+b", "to <base+a+b@far.example>"),
            mail(S, "any+x@catch.example"),
            mail(S, "known+x@catch.example", shows="to <known+x@far.example>"),
            mail(S, "bare+x", shows="to <bare+x@far.example>"),
            one("quoted+x"),
            mail(S, "joe-x+y@old.example"),
        ],
    ),
    Site(
        "an extension that is not to be propagated is dropped",
        main=MAP + "recipient_delimiter = +\npropagate_unmatched_extensions = canonical\n",
        files={"virtual": KEYS},
        cases=[
            one("ext+more", "to <base@far.example>"),
            one("chain+x", "to <end@far.example>"),
            mail(S, "any+x@catch.example", shows="to <all@far.example>"),
            mail(S, "joe+x@old.example"),
            one("extself+x"),
        ],
    ),
    Site(
        "patterns take parts of the address into the result",
        main=(
            "virtual_alias_maps = pcre:{etc}/virtual, regexp:{etc}/second\n"
            "virtual_alias_domains = a.example b.example\nrecipient_delimiter = +\n"
        ),
        files={
            "virtual": r"""
/^(.*)\+(.*)@a\.example$/   $1-with-$2@far.example
/^two-(\w+)-(\w+)@a\.example$/   $1@far.example, $2@far.example
/^(both)@a\.example$/       first-$1@far.example, second-$1@far.example
/^@a\.example$/             never@far.example
/^loop@a\.example$/         xloop@a.example
/^xx/                       toomany@far.example
/^x(.*)@a\.example$/        xx$1@a.example
""",
            "second": r"""
/^(.)(.*)@b\.example$/      \2\1@nope.example
/^([^@]*)@b\.example$/i      ${1}ned@far.example
""",
        },
        cases=[
            one("joe+list", "to <joe-with-list@far.example>"),
            one("two-x-y", "to <x@far.example>", "to <y@far.example>"),
            one("both", "to <first-both@", "to <second-both@"),
            one("loop", "to <toomany@far.example>"),
            one("none", "unknown"),
            mail(S, "tur@b.example"),
            mail(S, "TUR+x@b.example"),
        ],
    ),
    Site(
        "the limits of expansion make mail wait and cut nothing short",
        main=(
            "virtual_alias_maps = texthash:{etc}/virtual\nvirtual_alias_domains = a.example\n"
            "virtual_alias_expansion_limit = 5\nvirtual_alias_recursion_limit = 4\n"
            "virtual_alias_address_length_limit = 40\n"
        ),
        files={
            "virtual": """\
five@a.example    f1@far.example, f2@far.example, f3@far.example, f4@far.example, f5@far.example
six@a.example     f1@far.example, f2@far.example, f3@far.example, f4@far.example,
    f5@far.example, f6@far.example
wide@a.example    five@a.example, extra@far.example
deep1@a.example   deep2@a.example
deep2@a.example   deep3@a.example
deep3@a.example   deep4@a.example
deep4@a.example   deep5@far.example
deeper@a.example  deep1@a.example
long@a.example    abcdefghijklmnopqrstuvwxyzabcd@far.example
fits@a.example    abcdefghijklmnopqrstuvwxyzab@far.example
"""
        },
        cases=[
            one("five", "to <f5@far.example>"),
            one("six", "451 4.6.0 Alias expansion error"),
            one("wide", "451"),
            one("deep2", "to <deep5@far.example>"),
            one("deep1"),
            one("deeper", "451"),
            one("long", "451"),
            one("fits", "to <abcdef"),
            mail(S, ["six@a.example", "five@a.example"], shows="451"),
        ],
    ),
    Site(
        "aliases of a table that gives no answer",
        main="virtual_alias_maps = fail:down\nvirtual_alias_domains = a.example\n",
        cases=[
            one("x", "451 4.3.0"),
            mail(S, "x@far.example", shows="451 4.3.0"),
        ],
    ),
    Site(
        "aliases without an answer after the first table",
        main=(
            "virtual_alias_maps = inline:{ok@a.example=ok@far.example}, fail:down\n"
            "virtual_alias_domains = a.example\nsmtpd_reject_unlisted_recipient = no\n"
        ),
        cases=[one("ok"), one("other", "451 4.3.0"), mail(S, "x@far.example", shows="451")],
    ),
    Site(
        "aliases are for every class of domain",
        main=(
            "virtual_alias_maps = texthash:{etc}/virtual\nmydestination = here.example\n"
            "virtual_mailbox_domains = box.example\nvirtual_mailbox_maps = static:x\n"
            "relay_domains = relay.example\nlocal_recipient_maps = static:x\n"
        ),
        files={
            "virtual": "u@here.example a@far.example\nu@box.example b@far.example\n"
            "u@relay.example c@far.example\nu@anywhere.example d@far.example\nroot e@far.example\n"
            "x@far.example y@here.example\n"
        },
        cases=[
            mail(S, "u@here.example", shows="to <a@far.example>"),
            mail(S, "u@box.example", shows="to <b@far.example>"),
            mail(S, "u@relay.example", shows="to <c@far.example>"),
            mail(S, "u@anywhere.example", shows="to <d@far.example>"),
            mail(S, "root@here.example", shows="to <e@far.example>"),
            mail(S, "root@box.example", shows="to <root@box.example>"),
            mail(S, "x@far.example", shows="to <y@here.example>"),
            mail(S, "u@relay.example", by="outside", shows="to <c@far.example>"),
            mail(S, "u@anywhere.example", by="outside", shows="454"),
            mail(S, ["u@here.example", "u@box.example", "v@here.example"]),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
