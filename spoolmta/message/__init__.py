"""What a message is, whatever carries it: envelope, headers, status codes, trace.

envelope        sender, recipients, client and ESMTP options of a message
outcome         what became of one recipient in one attempt
queue_id        the names of messages
header          splitting, folding and reading of headers
address_header  headers of addresses: which, and writing them back
trace_headers   Received, Return-Path, Delivered-To, X-Original-To; hop count
submitter       the account that hands a message in on this machine
dates           RFC 5322 dates
folding         long lines broken at blanks
session_letter  what the postmaster is told of an SMTP session
"""
