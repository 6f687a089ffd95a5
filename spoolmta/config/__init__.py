"""Configuration: main.cf and master.cf as typed, frozen values.

parameter       the kinds of parameters and the Section that holds their values
expansion       $name, ${name?value}, ${{left} operator {right} ? {value} : {value}}
main_cf         the syntax of main.cf
master_cf       the syntax of master.cf
program         what the programs of master.cf are here
computed        defaults that depend on the machine (myhostname, mynetworks, ...)
own_networks    the networks of this machine: the default of mynetworks
loader          main.cf and master.cf of one folder become a Configuration
builtin         the configuration that is used where there is none
catalogue       every parameter that Postfix knows, and the ones that transports bring along
parameters/     one Section per owner: name, type, default, limits, meaning
"""
