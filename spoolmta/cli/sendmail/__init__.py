"""sendmail(1): a message read, and handed in; and what else goes by that name."""
