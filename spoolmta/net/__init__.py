"""The network, below any protocol: names, addresses, connections.

endpoint    the forms in which the configuration names a server
network     addresses and address ranges
interfaces  the addresses of this machine
dns         the name service
stream      one connection, with deadlines
"""
