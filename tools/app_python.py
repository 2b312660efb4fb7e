"""Prints the path of the Python that has the app's dependencies: `python -m tools.app_python`."""

from __future__ import annotations

from infra import toolchain

if __name__ == "__main__":
    print(toolchain.app_python(toolchain.checkout() / "app" / "requirements.txt"))
