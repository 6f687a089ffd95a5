"""What one asks a mail system. Each answer is read from the spool and printed; nothing is changed.

A command line, and the module that gathers and prints its answer when it is called:

status       system_status                           what runs, what waits
why          hindrance, hindrance_report             what exactly holds a message
trace        message_history                         the life of a message, also after its end
reasons      reason_clusters                         the replies that mean the same, taken together
top          live_screen, frame, overview            the queue as a live screen
eta          estimate, estimate_report               when a domain's mail will have left
scheduler    pick_order                              which delivery goes next
audit        recipients_account                      what became of every recipient
in_doubt     doubtful_deliveries                     what a crash may have repeated
incident     incident_report                         a stolen account: hold, tell what has left
events       event_stream                            the journal as it grows
sql          a SELECT over the spool
past_queue   the queue as it was at a time (queue list and shape --as-of)
"""
