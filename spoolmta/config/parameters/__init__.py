"""One Section per owner: declarations only, one line per parameter."""
