"""spoolmta sink: a receiver that shows what arrives and answers as it is told."""

from typing import Annotated

import typer


def sink(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: any free one.")] = 2526,
    reply: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHEN=CODE[ TEXT]",
            help="Answer so at CONNECT, EHLO, MAIL, RCPT, DATA or END (of data); RCPT:bob@* for"
            ' some recipients only. "RCPT=450", "END=451 4.3.0 try later". May be repeated.',
        ),
    ] = None,
    delay: Annotated[float, typer.Option(help="Wait so many seconds before the last answer.")] = 0,
    lmtp: Annotated[bool, typer.Option("--lmtp", help="Speak LMTP.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the content too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing of what arrives.")] = False,
    maildir: Annotated[
        str | None, typer.Option(metavar="DIR", help="Keep what arrives in this maildir.")
    ] = None,
    count: Annotated[int, typer.Option(help="End after so many messages; 0: never.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one message a line.")
    ] = False,
) -> None:
    """Receive mail by SMTP, print what arrives, and answer as told; for trying things out."""
    import asyncio

    from spoolmta.cli.receiver import Receiver, Settings, parse_replies

    settings = Settings(
        host=host,
        port=port,
        replies=parse_replies(reply or ()),
        delay=delay,
        lmtp=lmtp,
        show=show,
        quiet=quiet,
        maildir=maildir,
        count=count,
        as_json=as_json,
    )
    asyncio.run(Receiver(settings).run())
