"""The guardian of a trial's processes, ports and leftovers.

`run_guarded` is the way in. `guardian.py` is the process that does the work, and `guardian_protocol.py` what
the two send each other. `forked_guardian.py` forks guardians, and `fork_server.py` requests it.
"""

from bisect_tool.supervise.guarded_run import recover, run_guarded
from bisect_tool.supervise.guardian_protocol import (
    GuardianResult,
    GuardianSpec,
    Leftovers,
    ProcessInfo,
    Reason,
)

__all__ = ["GuardianResult", "GuardianSpec", "Leftovers", "ProcessInfo", "Reason", "recover", "run_guarded"]
