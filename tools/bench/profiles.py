"""What is measured: the list of all profiles. The module of each kind says how it measures."""

from typing import Protocol

from tools.bench.addresses import Addresses
from tools.bench.broadcast import Broadcast
from tools.bench.depth import Depth
from tools.bench.durability import Durability
from tools.bench.figures import Figures
from tools.bench.footprint import Footprint
from tools.bench.latency import Latency
from tools.bench.load import Load
from tools.bench.lookups import Lookups
from tools.bench.million import Million
from tools.bench.neighbours import Neighbour
from tools.bench.routes import Held, Maildirs
from tools.bench.sessions import Sessions
from tools.bench.stand import Stand
from tools.bench.start import Start
from tools.bench.submission import Submission
from tools.bench.throughput import Throughput

KIB = 1 << 10
MIB = 1 << 20


class Profile(Protocol):
    """One kind of load and what is measured of it."""

    @property
    def name(self) -> str:
        """What the command line calls it."""
        ...

    @property
    def meaning(self) -> str:
        """What the report says of it."""
        ...

    @property
    def systems(self) -> tuple[str, ...]:
        """The names of the systems that it is for."""
        ...

    def measure(self, stand: Stand) -> Figures:
        """Return the figures of one run; the first is the one that counts."""
        ...


_ALL: tuple[Profile, ...] = (
    Throughput("relay", "4 KiB, relayed, a session for each message"),
    Throughput("reuse", "4 KiB, relayed, kept sessions", Load(keeps_connections=True)),
    Throughput("accept", "4 KiB, accepted and held", route=Held),
    Throughput("kib100", "100 KiB, relayed", Load(size=100 * KIB), share=0.2),
    Throughput("mib1", "1 MiB, relayed", Load(size=MIB), share=0.03),
    Throughput("mib10", "10 MiB, relayed", Load(size=10 * MIB), share=0.004),
    Broadcast("broadcast", "one message to 1,000 recipients", recipients=1000, share=0.001),
    Throughput("recipients", "50 recipients a message", Load(recipients=50), share=0.02),
    Throughput(
        "maildirs", "4 KiB, into virtual maildirs", Load(numbered=True), Maildirs, share=0.5
    ),
    Latency("idle", "one message at a time, 5 a second", rate=5, seconds=20),
    Latency("steady", "100 messages a second", rate=100, seconds=20),
    Neighbour("hanging", "beside a destination that takes connections and is silent", hangs=True),
    Neighbour("dead", "beside a destination that refuses connections", hangs=False),
    Depth("deep", "as many deferred messages in the queue as a full run has"),
    Million("million", "a million messages wait for ten thousand destinations"),
    Footprint("footprint", "at rest, 30 s after some traffic"),
    Sessions("sessions", "5,000 clients that are connected and say nothing"),
    Start("start", "from the command to the first 220"),
    Submission("sendmail", "sendmail from start to exit"),
    Lookups("lookups", "in tables; of postmap -q -, without its start"),
    Addresses("addresses", "ten maps configured; in one process, of its processor time"),
    Durability("durability", "each 250 after the sync of its message, as strace sees it"),
)
PROFILES = {profile.name: profile for profile in _ALL}
EVERY = "all"
