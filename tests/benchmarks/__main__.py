"""Runs every benchmark, or those named: `make bench ARGS="log learn"`.

A benchmark is a module `bench_<name>.py` here with a `main()` that prints what it measured.
Each runs in a process of its own, so that one's memory is not in the next one's peak.
"""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
MEASURED_WITH = ("duckdb", "msgspec", "numpy", "pyarrow", "pydantic")


def main(wanted: list[str]) -> int:
    """Run the benchmarks; 0 when all ended well, 2 when a name is not known."""
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        return 2
    print(machine())
    failed = 0
    for name in wanted or NAMES:
        print(f"\n== {name}", flush=True)
        module = f"tests.benchmarks.bench_{name}"
        failed |= subprocess.run([sys.executable, "-m", module], check=False).returncode
    return 1 if failed else 0


def machine() -> str:
    """What the numbers were measured on."""
    cpus = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpus.read_text("utf-8").splitlines() if cpus.exists() else [])
        if line.startswith("model name")
    ]
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    libraries = ", ".join(f"{name} {version(name)}" for name in MEASURED_WITH)
    processor = models[0] if models else platform.machine()
    return (
        f"{os.cpu_count()} x {processor}, {memory_gb:.1f} GB, {platform.system()}\n"
        f"Python {platform.python_version()}, {libraries}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
