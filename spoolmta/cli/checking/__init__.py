"""spoolmta check: what is wrong with a configuration, before mail finds out."""
