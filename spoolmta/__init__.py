"""spoolmta: a mail transfer agent whose queue is one SQLite file."""

__version__ = "0.1.0"
