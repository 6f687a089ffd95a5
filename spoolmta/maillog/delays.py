"""The numbers of delay= and delays= in delivery lines.

Two significant digits, no more decimals than delay_logging_resolution_limit, no trailing zeros;
what is smaller than the resolution is 0.

Postfix:    postconf(5) delay_logging_resolution_limit
"""

from collections.abc import Sequence


def format_delays(delays: Sequence[float], resolution: int = 2) -> str:
    """Return the delays, in seconds, as "0.1/0/0.52/12"; *resolution* is the most decimals."""
    return "/".join([format_delay(delay, resolution) for delay in delays])


def format_delay(delay: float, resolution: int = 2) -> str:
    """Return one delay, in seconds, with two significant digits."""
    if delay >= 9.95:
        return str(int(delay + 0.5))
    if delay >= 0.995:
        decimals = min(1, resolution)
    else:
        decimals = 2
        bound = 0.0995
        while decimals < resolution and 0 < delay < bound:
            decimals += 1
            bound /= 10
        decimals = min(decimals, resolution)
    if delay < 0.5 * 10.0**-decimals:
        return "0"
    text = f"{delay:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text
