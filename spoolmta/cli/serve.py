"""`spoolmta serve`: the mail system in the foreground, with a greeting once it is up.

Must not: import typer: what the master imports stays in its memory for life
"""


def serve(directory: str | None) -> int:
    """Run the mail system; return the exit status when it has stopped.

    Raises ConfigError, SpoolmtaError: it cannot start; the text says why.
    """
    from spoolmta.cli.welcome import greet
    from spoolmta.master import supervisor

    return supervisor.serve(directory, greet)
