"""A queue simulated over days in seconds: the scheduler's own code against modelled destinations.

destination   how a destination behaves: fast, slow, dead, greylisting, rate-limited, flaky
simulation    the event loop: arrivals, activation, grants, answers, backoff
report        what came of it: time to drain, attempts, concurrency, fairness
"""
