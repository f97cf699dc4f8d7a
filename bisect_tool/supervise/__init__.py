"""The guardian of a trial's processes, ports and leftovers.

`run_guarded` is the way in, `guardian.py` the process that does the work (forked by `forked_guardian.py`, which
`fork_server.py` starts once), `spec.py` what the two say to each other.
"""

from bisect_tool.supervise.guarded import recover, run_guarded
from bisect_tool.supervise.spec import GuardianResult, GuardianSpec, Leftovers, ProcessInfo, Reason

__all__ = ["GuardianResult", "GuardianSpec", "Leftovers", "ProcessInfo", "Reason", "recover", "run_guarded"]
