"""The local stack: what `make run` and `make test` start around the two processes.

Nothing in here is shipped; the processes themselves never import it.
"""
