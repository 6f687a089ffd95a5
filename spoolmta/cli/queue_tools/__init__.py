"""Postfix's tools for the queue, to the byte: mailq, postqueue, postsuper, postcat, qshape."""
