"""postconf(1): main.cf and master.cf printed and changed."""
