"""Requests to try all deferred mail now (admin.request_flush), as the scheduler takes them."""

from spoolmta.spool.connection import Reader, Transaction


def asked(reader: Reader) -> bool:
    """Return whether somebody asked to try everything now."""
    return bool(reader.read("flush_asked"))


def take(tx: Transaction) -> None:
    """Delete the requests to try everything now."""
    tx.run("take_flush")
