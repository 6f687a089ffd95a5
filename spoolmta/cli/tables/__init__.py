"""postmap(1) and postalias(1): lookup tables built, asked, listed and changed."""
