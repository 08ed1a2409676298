"""Build backend: setuptools, plus the compiler in the ziglang wheel where it is needed."""

import os
import shutil

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

COMPILERS = ("c++", "g++", "clang++")


def _compiler() -> list[str]:
    # For another platform, and on a machine that has no compiler.
    if os.environ.get("SCORING_TARGET"):
        return ["ziglang"]
    return [] if os.environ.get("CXX") or any(map(shutil.which, COMPILERS)) else ["ziglang"]


def get_requires_for_build_wheel(config_settings=None):
    """Name what a wheel needs to build here."""
    return build_meta.get_requires_for_build_wheel(config_settings) + _compiler()


def get_requires_for_build_editable(config_settings=None):
    """Name what an editable install needs to build here."""
    return build_meta.get_requires_for_build_editable(config_settings) + _compiler()
