"""AddressSanitizer in a program that was not built with it, by libraries that are loaded before others."""

import subprocess
from pathlib import Path

import pytest

EARLY = "void __asan_init(void); __attribute__((constructor)) static void begin(void) { __asan_init(); }"


def watch(folder: Path) -> dict[str, str]:
    """Give the environment of a program into which watched libraries can be loaded; skips without a compiler.

    AddressSanitizer starts with the first memory that is asked for. Where a library's constructor does that
    inside of the C library's `bindtextdomain`, as libgpg-error does, AddressSanitizer's own look at a
    message waits for ever for the lock which that one holds. So a library of one line starts it before.
    """
    found = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip("the compiler has no AddressSanitizer (libasan.so was not found)")
    runtime, early = str(Path(found).resolve()), folder / "early.so"
    command = [
        "g++",
        "-x",
        "c",
        "-",
        "-x",
        "none",
        "-shared",
        "-fPIC",
        "-Wl,-z,initfirst",
        "-o",
        str(early),
        runtime,
    ]
    subprocess.run(command, input=EARLY, text=True, check=True)
    folder.chmod(0o755)  # the server's user loads it
    # Memory that PostgreSQL keeps until it ends is no leak of ours.
    return {"LD_PRELOAD": f"{runtime} {early}", "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}
