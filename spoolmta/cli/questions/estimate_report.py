"""An estimate for one domain: rates out of the journal, what waits out of the queue; printed.

Parameters: maximal_queue_lifetime
"""

from dataclasses import asdict

from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.questions.estimate import Estimate, Flow, estimate
from spoolmta.cli.questions.hindrance import place
from spoolmta.cli.units import format_age, format_time, plural
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import past, prospect
from spoolmta.spool.questions.circumstances import Site
from spoolmta.spool.questions.prospect import WaitingRecipient

# The last ten minutes and the last hour: what is now, and what is usual.
_SPANS = (600.0, 3600.0)


def show(spool: Spool, configuration: Configuration, domain: str, *, as_json: bool) -> bool:
    """Print the estimate; return False if nothing waits for the domain."""
    domain = domain.strip("<>").rpartition("@")[2].lower()
    waiting = _waiting(spool, domain)
    moving = [recipient for recipient in waiting if not recipient.kept]
    if not waiting:
        note(f"{printable(domain)}: nothing in the queue waits for it")
        return False
    now = spool.clock.now()
    flows = _flows(spool, domain, now)
    sites = prospect.sites(spool, domain)
    dead_until = max((site.dead_until for site in sites), default=0.0)
    retries = [r.retry_at for r in moving if r.retry_at is not None]
    found = estimate(now, len(moving), flows, retries, dead_until)
    lifetime = configuration.section(QueueManagerParameters).maximal_queue_lifetime
    expiring = sum(r.created_at + lifetime < (found.latest or found.not_before) for r in moving)
    if as_json:
        print_json(
            {
                "domain": domain,
                "waiting": len(moving),
                "kept": len(waiting) - len(moving),
                "flows": flows,
                "destinations": [site._asdict() for site in sites],
                "expiring": expiring,
                **asdict(found),
            }
        )
    else:
        _print(domain, waiting, flows, sites, now)
        _print_estimate(found, expiring, now)
    return True


def _waiting(spool: Spool, domain: str) -> list[WaitingRecipient]:
    progress = Progress("recipients looked at:")
    found: list[WaitingRecipient] = []
    for seen, recipients in prospect.waiting(spool, domain):
        progress.advance(seen)
        found += recipients
    progress.end()
    return found


def _flows(spool: Spool, domain: str, now: float) -> list[Flow]:
    progress = Progress("events looked at:")
    kinds = ("sent", "deferred", "accepted")
    counts = {(span, kind): 0 for span in _SPANS for kind in kinds}
    for seen, told in past.flow(spool, domain, since=now - max(_SPANS)):
        progress.advance(seen)
        for kind, at, recipients in told:
            for span in _SPANS:
                if at >= now - span:
                    counts[span, kind] += recipients
    progress.end()
    return [Flow(span, *(counts[span, kind] for kind in kinds)) for span in _SPANS]


def _print(
    domain: str, waiting: list[WaitingRecipient], flows: list[Flow], sites: list[Site], now: float
) -> None:
    kept = sum(recipient.kept for recipient in waiting)
    held = f", and {kept} held or corrupt" if kept else ""
    print(printable(f"{domain}: {plural(len(waiting) - kept, 'recipient')} wait{held}"))
    for flow in flows:
        print(
            f"  last {format_age(flow.seconds)}: {flow.sent} sent, {flow.deferred} put off,"
            f" {flow.accepted} came in"
        )
    for site in sites:
        window = "" if site.window is None else f", window {site.window}"
        print(printable(f"  {place(site.transport, domain)}: {site.busy} under way{window}"))
        if site.dead_until > now:
            print(printable(f"    not tried before {format_time(site.dead_until)}: {site.reason}"))


def _print_estimate(found: Estimate, expiring: int, now: float) -> None:
    if found.because:
        left = format_age(found.not_before - now)
        print(f"  {found.because} {format_time(found.not_before)}, in {left}")
    if found.earliest is None:
        print("no end in sight: in the last hour no more left than came in")
    elif found.latest is None:
        print(f"not before {format_time(found.earliest)}, in {format_age(found.earliest - now)}")
    else:
        span = f"{format_time(found.earliest)} to {format_time(found.latest)}"
        ages = f"{format_age(found.earliest - now)} to {format_age(found.latest - now)}"
        print(f"done between {span}, in {ages}, at the rates of the last hour")
    if expiring:
        print(f"{plural(expiring, 'recipient')} will be returned before: their lifetime ends")
