"""The guardian of a trial's processes, ports and leftovers.

The entry point is `run_guarded`. `guardian.py` is the guardian process, `guardian_protocol.py` its messages.
`forked_guardian.py` forks guardians on request of `fork_server.py`.
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
