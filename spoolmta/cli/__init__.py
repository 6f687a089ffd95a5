"""The commands. A command reads its arguments, asks the layers below, and prints.

The native command:

spoolmta         the program: serve at once, all else by verbs; exit status
serve            the master in the foreground; welcome: what a newcomer reads
verbs            the command line: -c DIR, the verbs and their options; direct: without typer
questions        what one asks of a queue: why, trace, reasons, status, top, audit, sql, ...
messages         spoolmta queue: messages chosen, looked at, changed; undo
explanation      spoolmta explain: what would become of mail for an address
checking         spoolmta check: what is wrong with a configuration
backup, restore  a copy of the spool, and back; restoring: what is asked and done meanwhile
sink, receiver   a receiver that shows what arrives, and answers as told

Commands with Postfix's names, whose output is Postfix's to the byte:

sendmail         hand in mail, and the other things that go by that name
queue_tools      mailq, postqueue, postsuper, postcat, qshape
postconf         main.cf and master.cf
tables           postmap, postalias, newaliases
postfix          start, stop, reload

What they share: access (the way to configuration and spool), author (who gives the command),
command_line (options as getopt(3), fatal errors), running (is a master there), output and units
(tables, JSON, progress; ages and sizes).
"""
