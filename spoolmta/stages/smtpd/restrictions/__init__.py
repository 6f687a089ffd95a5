"""Who may do what: the restriction lists of smtpd, one function per restriction.

evaluate    runs the lists of a command and returns one decision
lists       reads the lists of main.cf; the registry of restrictions
rules       what restrictions ask: parameters, routing, networks, names; opened once
request     what is judged: client, helo, sender, recipient
verdict     what a restriction says
access      check_..._access and the actions of access(5)
always      permit, reject, defer and their kin
client      restrictions of the client's name and address
helo        restrictions of the HELO name
sender      restrictions of the sender address
recipient   restrictions of the recipient address
relay       who may send mail elsewhere through us
"""
