"""Choose the environment variables of a build.

There are two levels of trust. Installers only fetch and unpack wheels, so that no foreign code runs, and need
the caller's registry settings. Code from a commit's tree may be hostile: it gets an allowlist of variables,
none with a secret in it, and its own home directory. That keeps tokens from ordinary code; it is no sandbox,
and a build still runs as the user.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bisect_tool.sanitise import secret_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Where a toolkit is, for which chips it compiles, and which of them a build may use: of NVIDIA, AMD, Intel
# (Gaudi, oneAPI), Huawei, AWS and Google.
_ACCELERATORS = (
    "CUDA|CUDNN|NVCC|NCCL|NVIDIA|CUTLASS|TRITON|ROCM|HIP|ROCR|HSA|AMDGPU|MIOPEN|RCCL|HABANA|GAUDI|HCCL|HL|HLS"
    "|ONEAPI|SYCL|DPCPP|CCL|ZE|MKL|ASCEND|NPU|SOC|NEURON|TPU|XLA|PJRT|MUSA|MACA|CAMBRICON|MLU"
)
_ALLOWED = re.compile(
    r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TERM|SHELL|USER|LOGNAME"
    r"|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:HTTPS?|NO|ALL)_PROXY|PIP_\w+|UV_\w+"
    r"|CC|CXX|CPP|LD|AR|(?:C|CXX|CPP|LD)FLAGS|CMAKE_\w+|MAKEFLAGS|MAX_JOBS|LD_LIBRARY_PATH|PKG_CONFIG_PATH"
    rf"|(?:{_ACCELERATORS})_\w+|\w+_VISIBLE_(?:DEVICES|CHIPS|CORES|MODULES)"
    r"|TORCH_CUDA_ARCH_LIST|PYTORCH_ROCM_ARCH|CCACHE_\w+|SCCACHE_\w+|SOURCE_DATE_EPOCH",
    re.IGNORECASE,
)
_REDIRECT_PYTHON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"})
_REDIRECT_PIP = frozenset({"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"})
_SAMPLE_VALUE = "x" * 16


def installer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without variables that would redirect an installer."""
    return {name: value for name, value in environ.items() if name not in _REDIRECT_PYTHON | _REDIRECT_PIP}


def tree_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment for code of a commit's tree; HOME and TMPDIR are created below `folder`."""
    secrets = secret_values(environ)
    kept = {
        name: value
        for name, value in environ.items()
        if _ALLOWED.fullmatch(name) and not _looks_secret(name) and not any(form in value for form in secrets)
    }
    home, temporary = folder / "home", folder / "tmp"
    for path in (home, temporary):
        path.mkdir(parents=True, exist_ok=True)
    return {**installer_environment(kept), "HOME": str(home), "TMPDIR": str(temporary)}


def _looks_secret(name: str) -> bool:
    return bool(secret_values({name: _SAMPLE_VALUE}))
