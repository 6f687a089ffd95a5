"""What main.cf and master.cf say of the windows, pauses and slots of a transport.

Postfix:    postconf(5): transport_destination_concurrency_limit and its like
Parameters: TRANSPORT_initial_destination_concurrency, ..._destination_concurrency_limit,
            ..._destination_concurrency_failed_cohort_limit,
            ..._destination_concurrency_positive_feedback, ..._negative_feedback,
            ..._destination_rate_delay, ..._destination_slowdown_limit, ..._transport_rate_delay,
            ..._delivery_slot_cost, ..._delivery_slot_loan, ..._delivery_slot_discount,
            ..._minimum_delivery_slots; each with a default_... for all transports
"""

from collections.abc import Callable
from dataclasses import replace

from spoolmta.config.loader import Configuration
from spoolmta.scheduler.destination import WindowLimits
from spoolmta.scheduler.feedback import ConcurrencyFeedback, parse_feedback
from spoolmta.scheduler.job import Preemption
from spoolmta.scheduler.transport import TransportLimits

# So much more than its processes hold is let go to a transport: an agent that ends a delivery
# finds the next one there. It is what a small message cannot overtake any more.
_AHEAD = 4


def transport_limits(
    configuration: Configuration, transport: str, warn: Callable[[str], None]
) -> TransportLimits:
    """Return the limits of a transport; *warn* is told of feedback that Postfix would ignore.

    Raises ConfigError: a value is no number or time.
    """
    destination_delay = configuration.transport_seconds(transport, "_destination_rate_delay")
    window = _window(configuration, transport, warn)
    if destination_delay:
        window = replace(window, initial=1, limit=1)
    return TransportLimits(
        window=window,
        capacity=_capacity(configuration, transport),
        destination_rate_delay=destination_delay,
        rate_delay=configuration.transport_seconds(transport, "_transport_rate_delay"),
        slowdown_limit=configuration.transport_seconds(transport, "_destination_slowdown_limit"),
        preemption=_preemption(configuration, transport),
    )


def _window(
    configuration: Configuration, transport: str, warn: Callable[[str], None]
) -> WindowLimits:
    number = configuration.transport_number
    return WindowLimits(
        initial=number(transport, "_initial_destination_concurrency"),
        limit=number(transport, "_destination_concurrency_limit"),
        failed_cohorts=number(transport, "_destination_concurrency_failed_cohort_limit"),
        positive=_feedback(
            configuration,
            transport,
            "_destination_concurrency_positive_feedback",
            warn,
        ),
        negative=_feedback(
            configuration,
            transport,
            "_destination_concurrency_negative_feedback",
            warn,
        ),
    )


def _feedback(
    configuration: Configuration,
    transport: str,
    suffix: str,
    warn: Callable[[str], None],
) -> ConcurrencyFeedback:
    text = configuration.transport_text(transport, suffix)
    found = parse_feedback(text)
    if found is None:
        warn(f"{transport}{suffix}: ignoring malformed or unreasonable feedback: {text}")
    return found or ConcurrencyFeedback()


def _preemption(configuration: Configuration, transport: str) -> Preemption:
    number = configuration.transport_number
    return Preemption(
        number(transport, "_delivery_slot_cost"),
        number(transport, "_delivery_slot_loan"),
        number(transport, "_delivery_slot_discount"),
        number(transport, "_minimum_delivery_slots"),
    )


def _capacity(configuration: Configuration, transport: str) -> int:
    """Return how many deliveries a transport may have under way; 0 means no limit."""
    maxproc = next(
        (
            service.maxproc
            for service in configuration.services
            if service.name == transport and service.kind != "inet"
        ),
        0,
    )
    return maxproc + max(1, maxproc // _AHEAD) if maxproc else 0
