"""What messages cost a system: CPU by service, bytes written, commits."""

from typing import Self

from tools.bench import processes
from tools.bench.disk import Place
from tools.bench.figures import Figures
from tools.bench.processors import CpuMeter
from tools.bench.systems import System

KIB = 1024
CPU = "CPU s per 1,000"


class CostMeter:
    """Counts what *system* uses inside the `with`."""

    def __init__(self, system: System, place: Place) -> None:
        self._system = system
        self._place = place
        self._cpu = CpuMeter(system.master(), system.service)

    def __enter__(self) -> Self:
        self._before = self._counters()
        self._cpu.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._cpu.__exit__(*error)
        self._after = self._counters()

    def figures(self, messages: int) -> Figures:
        """Return the cost of a message, or of a thousand."""
        cpu = self._cpu.seconds
        figures = {CPU: 1000 * sum(cpu.values()) / messages}
        figures |= {f"  {name}": 1000 * cpu[name] / messages for name in sorted(cpu)}
        written, on_device, commits = (
            None if before is None or after is None else after - before
            for before, after in zip(self._before, self._after, strict=True)
        )
        if written is not None:
            figures["KiB written per message"] = written / KIB / messages
        if on_device is not None:
            figures["KiB on the device per message"] = on_device / KIB / messages
        if commits:
            figures["messages per commit"] = messages / (commits % (1 << 32))
        return figures

    def _counters(self) -> tuple[int | None, int | None, int | None]:
        """Return bytes written by the processes and on the device, and commits."""
        return (
            processes.written_bytes(self._system.master()),
            self._place.device_bytes(),
            self._system.commits(),
        )
