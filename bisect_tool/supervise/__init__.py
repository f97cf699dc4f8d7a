"""The guardian of a trial's processes, ports and leftovers.

`run_guarded` is the way in, `guardian.py` the process that does the work, and `spec.py` what the two say to
each other; `forked_guardian.py` forks guardians, and `fork_server.py` asks it to.
"""

from bisect_tool.supervise.guarded import recover, run_guarded
from bisect_tool.supervise.spec import GuardianResult, GuardianSpec, Leftovers, ProcessInfo, Reason

__all__ = ["GuardianResult", "GuardianSpec", "Leftovers", "ProcessInfo", "Reason", "recover", "run_guarded"]
