"""The guardian of a trial's processes, ports and leftovers.

The entry point is `run_guarded` of `guarded_run.py`, which guardians do not import: they start without it.
`guardian.py` is the guardian process, `guardian_protocol.py` its messages. `forked_guardian.py` forks
guardians on request of `fork_server.py`.
"""
