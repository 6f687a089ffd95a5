"""How long one message takes: from the final dot to the 250, and from there to its arrival.

Sender and receiver are coroutines of this process, so one clock dates both ends. Messages leave at
fixed moments, whatever became of those before, so that a stall is seen by all that it delays.
"""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field

import uvloop

from tests.support.mail_system import free_port
from tools.bench import generator, sink
from tools.bench.cost import CostMeter
from tools.bench.figures import MILLISECONDS, Figures, latencies
from tools.bench.load import LONGEST_RUN, OUTSIDE
from tools.bench.stand import Stand
from tools.bench.systems import BOTH

SIZE = 4096
WARM_UP = 50
PEERS_RATE = 100
TOKEN = re.compile(rb"^X-Token: (\d+)\r$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Latency:
    """*rate* messages a second for *seconds*, a connection each."""

    name: str
    meaning: str
    rate: float
    seconds: float
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return medians and 99th percentiles in milliseconds, and the cost of a message."""
        port = free_port()
        alone = uvloop.run(_probe(port, port, WARM_UP, PEERS_RATE))
        messages = int(stand.effort.seconds(self.seconds) * self.rate)
        with stand.running({"relayhost": f"[127.0.0.1]:{port}"}) as system:
            uvloop.run(_probe(system.port, port, WARM_UP, self.rate))
            with CostMeter(system, stand.place) as cost:
                moments = uvloop.run(_probe(system.port, port, messages, self.rate))
        return {
            **moments.figures(),
            **latencies("sender straight into receiver", alone.answers()),
            **cost.figures(messages),
        }


@dataclass(frozen=True, slots=True)
class Moments:
    """When the final dot was sent, the 250 came, and the receiver had the message; by token."""

    sent: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)

    def note_arrival(self, head: bytes) -> None:
        """Note that the message that begins with *head* has come; not when again."""
        if found := TOKEN.search(head):
            self.arrived.setdefault(int(found[1]), time.monotonic())

    def dialogue(self, token: int) -> generator.Dialogue:
        """Yield what is said to send the message *token*, and note the moments."""
        yield b"EHLO bench.example\r\n", b"250"
        yield b"MAIL FROM:<sender@bench.example>\r\n", b"250"
        yield f"RCPT TO:<rcpt@{OUTSIDE}>\r\n".encode(), b"250"
        yield b"DATA\r\n", b"354"
        content = generator.content(b"X-Token: %d" % token, SIZE)
        self.sent[token] = time.monotonic()
        yield content, b"250"
        self.answered[token] = time.monotonic()
        yield b"QUIT\r\n", b"221"

    def answers(self) -> list[float]:
        """Return the seconds from the final dot to the 250."""
        return [self.answered[token] - sent for token, sent in self.sent.items()]

    def figures(self) -> Figures:
        """Return the figures of all messages."""
        hand_overs = [self.arrived[token] - moment for token, moment in self.answered.items()]
        journeys = [self.arrived[token] - moment for token, moment in self.sent.items()]
        return {
            **latencies("final dot to 250", self.answers()),
            **latencies("250 to arrival", hand_overs),
            **latencies("final dot to arrival", journeys),
            "final dot to arrival, longest ms": max(journeys) * MILLISECONDS,
        }


async def _probe(port: int, receiver: int, messages: int, rate: float) -> Moments:
    """Send *messages* to *port* and wait until the *receiver* has them all."""
    moments = Moments()
    server = await sink.listen(receiver, moments.note_arrival)
    try:
        async with asyncio.timeout(LONGEST_RUN):
            started = time.monotonic()
            async with asyncio.TaskGroup() as sending:
                for token in range(messages):
                    await asyncio.sleep(started + token / rate - time.monotonic())
                    sending.create_task(generator.converse(port, moments.dialogue(token)))
            while len(moments.arrived) < messages:
                await asyncio.sleep(0.01)
    finally:
        server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), timeout=1)
    return moments
