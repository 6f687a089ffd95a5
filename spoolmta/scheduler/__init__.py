"""The queue manager: grants deliveries inside each destination's window, and ends messages.

It is arithmetic on rows: it looks up no map and talks to no peer.

qmgr         the stage: take reports, grant, complete, write what was learnt
schedule     what waits, what is under way, and what may go now; the scheduler without its rows
limits       what main.cf says of a transport's windows, pauses and slots
transport    the queues of one transport: which delivery goes next
job          one message in one transport: what it has earned, and when it may be overtaken
destination  the concurrency window of one destination; when it is dead, and when it rests
feedback     how much one delivery widens or narrows a window
pace         how slowly a destination is served that asked for less
dead         the destinations that are not tried now
backoff      when to try again
completion   what becomes of a message whose deliveries are answered
"""
