"""A name server of a test: real UDP and TCP sockets on a port of 127.0.0.1, answers as told.

It runs in a thread of its own, so that any event loop, and any other process, can ask it:

    with StubDns() as dns:
        dns.mx("example.com", 10, "mx.example.com")
        dns.a("mx.example.com", "127.0.0.1")
        resolver = Resolver([dns.address])

A name that nothing was said of does not exist; one that has only records of other types has no
data. `fails` answers SERVFAIL, `is_silent` nothing at all, `is_truncated` sends the asker to TCP.
"""

import selectors
import socket
import struct
import threading
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

HOST = "127.0.0.1"
NEGATIVE_TTL = 300


class StubDns:
    """A name server with the records it was given; use as a context manager."""

    def __init__(self) -> None:
        self.queries: list[tuple[str, str, str]] = []
        """What was asked: (transport, name, type)."""
        self._records: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._rcodes: dict[str, dns.rcode.Rcode] = {}
        self._silent: set[str] = set()
        self._truncated: set[str] = set()
        self._udp, self._tcp = _sockets_of_one_port()
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Address and port of the server."""
        host, port = self._udp.getsockname()
        return host, port

    @property
    def parameter(self) -> str:
        """The server as the value of dns_nameservers."""
        return f"{self.address[0]}:{self.address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.send(b"x")
        self._thread.join()
        for connection in (self._udp, self._tcp, self._stop, self._stopped):
            connection.close()

    def add(self, name: str, record_type: str, text: str, *, ttl: int = 60) -> None:
        """Add a record in zone file notation."""
        key = (name.lower().rstrip("."), record_type)
        texts = self._records.get(key, (ttl, []))[1]
        self._records[key] = (ttl, [*texts, text])

    def mx(self, domain: str, preference: int, host: str) -> None:
        """Add a mail exchanger."""
        self.add(domain, "MX", f"{preference} {host.rstrip('.')}.")

    def null_mx(self, domain: str) -> None:
        """Say that a domain takes no mail (RFC 7505)."""
        self.add(domain, "MX", "0 .")

    def a(self, host: str, *addresses: str) -> None:
        """Add addresses of a host, IPv4 or IPv6."""
        for address in addresses:
            self.add(host, "AAAA" if ":" in address else "A", address)

    def ptr(self, address: str, name: str) -> None:
        """Add the name of an address."""
        owner = dns.reversename.from_address(address).to_text()
        self.add(owner, "PTR", f"{name.rstrip('.')}.")

    def cname(self, name: str, target: str) -> None:
        """Say that a name is another name of *target*."""
        self.add(name, "CNAME", f"{target.rstrip('.')}.")

    def forget(self, name: str) -> None:
        """Delete all that was said of a name."""
        for key in [key for key in self._records if key[0] == name]:
            del self._records[key]
        self._rcodes.pop(name, None)
        self._silent.discard(name)

    def fails(self, name: str, rcode: dns.rcode.Rcode = dns.rcode.SERVFAIL) -> None:
        """Answer queries for a name with an error."""
        self._rcodes[name.lower()] = rcode

    def is_silent(self, name: str) -> None:
        """Leave queries for a name without an answer."""
        self._silent.add(name.lower())

    def is_truncated(self, name: str) -> None:
        """Answer queries for a name that came by UDP with the truncation bit."""
        self._truncated.add(name.lower())

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for connection in (self._udp, self._tcp, self._stopped):
                selector.register(connection, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._stopped in ready:
                    return
                if self._udp in ready:
                    self._serve_datagram()
                if self._tcp in ready:
                    self._serve_connection()

    def _serve_datagram(self) -> None:
        wire, peer = self._udp.recvfrom(65535)
        answer = self._answer(wire, "udp")
        if answer:
            self._udp.sendto(answer, peer)

    def _serve_connection(self) -> None:
        connection, _ = self._tcp.accept()
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(5)
            length = stream.read(2)
            if len(length) < 2:
                return
            answer = self._answer(stream.read(struct.unpack("!H", length)[0]), "tcp")
            if answer:
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, wire: bytes, transport: str) -> bytes | None:
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        record_type = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((transport, name, record_type))
        if name in self._silent:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        if name in self._truncated and transport == "udp":
            response.flags |= dns.flags.TC
        elif name in self._rcodes:
            response.set_rcode(self._rcodes[name])
        else:
            self._fill(response, name, record_type)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, record_type: str) -> None:
        alias = self._records.get((name, "CNAME"))
        if alias and record_type != "CNAME":
            response.answer.append(_rrset(name, "CNAME", alias))
            name = alias[1][0].rstrip(".").lower()
        found = self._records.get((name, record_type))
        if found:
            response.answer.append(_rrset(name, record_type, found))
            return
        if all(owner != name for owner, _ in self._records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns.{name}. hostmaster.{name}. 1 1800 900 604800 {NEGATIVE_TTL}"
        response.authority.append(_rrset(name, "SOA", (NEGATIVE_TTL, [soa])))


def _sockets_of_one_port() -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a TCP socket; a port that is free for the one may be taken for the other."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((HOST, 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()


def _rrset(name: str, record_type: str, entry: tuple[int, list[str]]) -> dns.rrset.RRset:
    ttl, texts = entry
    owner = dns.name.from_text(name, dns.name.root)
    return dns.rrset.from_text_list(owner, ttl, dns.rdataclass.IN, record_type, texts)
