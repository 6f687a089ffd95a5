import uvloop

from spoolmta.stages.smtpd.peer import UNKNOWN, NameStatus, Peer, PeerNames, normal_address


async def find(host, *, looks_up=True):
    return await PeerNames(looks_up=looks_up).find(host)


def test_a_name_that_leads_back_is_believed():
    peer = uvloop.run(find("127.0.0.1"))
    assert peer.name == peer.reverse_name != UNKNOWN
    assert peer.name_status is NameStatus.OK
    assert peer.shown == f"{peer.name}[127.0.0.1]"


def test_a_site_may_do_without_names():
    peer = uvloop.run(find("127.0.0.1", looks_up=False))
    assert peer == Peer("127.0.0.1")
    assert peer.shown == "unknown[127.0.0.1]"


def test_a_client_is_remembered():
    async def twice():
        names = PeerNames(looks_up=True)
        return await names.find("127.0.0.1"), await names.find("127.0.0.1")

    first, second = uvloop.run(twice())
    assert first is second


def test_an_address_has_one_notation():
    assert normal_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert normal_address("2001:DB8:0::1") == "2001:db8::1"
    assert normal_address("fe80::1%eth0") == "fe80::1"
