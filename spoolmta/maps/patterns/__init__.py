"""Tables of rules, the first that fits wins.

pattern        regexp and pcre; posix and perl: their expressions, by the libraries of these
literal        which rules a key need not be shown to
replacement    $1 in the value of a rule
cidr           networks; address_range: one network, and a search among many
rule_lines     the rules of a file, and their warnings
"""
