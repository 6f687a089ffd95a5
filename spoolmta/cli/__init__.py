"""The commands. A command reads its arguments, asks the layers below, and prints.

The native command, one verb a file, with the work behind it (imported when it is called):

spoolmta         the program: serve at once, all else by verbs; exit status
serve            the master in the foreground
verbs            the command line: -c DIR, the verbs and their options
queues           queue_choice, queue_listing, queue_message, queue_surgery: list, show, hold
trace            message_history              the journal in plain words
status           system_status                services, processes, disk
sql              a SELECT over the spool
sink             receiver                     shows what arrives, answers as told
check            what is wrong with a configuration
welcome          what a newcomer reads

Commands with Postfix's names:

postqueue        mailq                        the listing to the byte; flushing
postsuper        hold, release, requeue, delete
postcat          content_parts                the records of a message
postfix          running                      start, stop, reload; is a master there
sendmail         sendmail_options, draft, hand_in, maildrop_entry, smtp_dialogue
postmap          postalias, tables            lookup tables
postconf         postconf_edit                main.cf and master.cf

What they share: access (the way to configuration and spool), command_line (options as getopt(3),
fatal errors), output and units (tables, JSON, progress; ages and sizes).
"""
