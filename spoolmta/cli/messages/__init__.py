"""spoolmta queue: messages chosen by a selector, looked at, changed, and all of it taken back.

queues              the command line; selection_options and choice: which messages
listing             one line a message; shown_message: one message, all of it
queue_verbs         what each verb does, for which states, whom it wakes
preview, surgery    what is about to be done and the question; the work and the tale
undo, taking_back   what operators did, and how it is taken back
"""
