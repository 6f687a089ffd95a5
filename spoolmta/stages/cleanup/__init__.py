"""What happens to every message before it is queued; a function, not a process.

run         Cleanup: one message on its way in, called by smtpd and pickup
verdict     what becomes of the message, and the replies that say so
"""
