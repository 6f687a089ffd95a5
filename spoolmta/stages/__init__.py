"""The stages that move messages from state to state; smtpd and pickup alone share cleanup."""
