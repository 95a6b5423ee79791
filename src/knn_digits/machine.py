"""On what machine, with which versions, a result was made."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["describe_machine", "describe_versions", "peak_memory_mb", "utc_now"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "matplotlib", "pillow", "threadpoolctl")


def describe_machine() -> dict[str, Any]:
    """Name the processor, the cores this process may use, the memory and the system; no host name."""
    return {
        "cpu": _cpu_name(),
        "cores": _usable_cores(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.release()}",
    }


def describe_versions() -> dict[str, str]:
    """List the versions of Python, of ours and of the libraries that results depend on."""
    from knn_digits import __version__

    libraries = {name: version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), "knn-digits": __version__, **libraries}


def utc_now() -> str:
    """Give the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def peak_memory_mb() -> float | None:
    """Tell the largest resident memory of this process so far in MB; None where the system does not say."""
    try:
        # On Linux getrusage would count what the parent held when it started us.
        status = Path("/proc/self/status").read_text()
        return round(int(status.split("VmHWM:")[1].split()[0]) / 2**10, 1)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
