"""spoolmta rule: standing rules for mail that is queued and mail that comes.

rules     the command line
terms     what its words make of a rule, or what is wrong with them
making    rules made and removed: the question, the work, the tale
report    rules as people and programs read them
"""
