"""The queue manager: grants deliveries inside each destination's window, and ends messages.

It is arithmetic on rows: it looks up no map and talks to no peer.

qmgr         the stage: take reports, update windows, grant, complete
transport    the destinations of one transport, in turn
destination  the concurrency window of one destination; when it is dead
dead         the destinations that are not tried now
backoff      when to try again
completion   what becomes of a message whose deliveries are answered
"""
