"""The engine's extension module: one source tree, one stable-ABI binary for every supported Python."""

from pathlib import Path

from setuptools import Extension, setup

sources = sorted(p.as_posix() for p in Path("native").glob("*.cpp"))
setup(
    ext_modules=[
        Extension(
            "scoring._engine",
            sources,
            depends=sorted(p.as_posix() for p in Path("native").glob("*.h*")),
            language="c++",
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            extra_compile_args=["-std=c++17", "-O3", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"],
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
