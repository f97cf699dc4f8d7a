"""Starts a Ray cluster of three raylets on the loopback interface, for as long as stdin is open.

    python three_raylets.py

Prints its address and the pids of the raylets as JSON, that of the head first.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

QUICK = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
    "enable_worker_prestart": False,
    "prestart_worker_first_driver": False,
}
"""A node whose raylet was killed counts as dead after seconds, not after a quarter of a minute.

No worker is started ahead: ours need our package, so each of those would only cost its import of Ray.
"""
PATIENT = {"RAY_raylet_start_wait_time_s": "240"}
"""A raylet may start slowly while other tests run."""
NODE = {
    "node_ip_address": "127.0.0.2",
    "num_cpus": 2,
    "num_gpus": 0,
    "resources": {"engine": 2},
    "object_store_memory": 80 * 1024 * 1024,
}


def main() -> None:
    # A short path: those of sockets are limited.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": folder, **PATIENT}
        Path(folder, "ray").mkdir()  # Cluster writes its address there
        from ray.cluster_utils import Cluster  # after the variables that it reads

        head = {**NODE, "include_dashboard": False, "_system_config": QUICK, "temp_dir": folder}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            nodes = [cluster.head_node, *(cluster.add_node(**NODE, temp_dir=folder) for _ in range(2))]
            raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
            sys.stdout.write(json.dumps({"address": cluster.address, "raylets": raylets}) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    main()
