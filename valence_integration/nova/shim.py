# SPDX-License-Identifier: Apache-2.0

"""Install two small files inside of Nova, through which Nova finds the compute driver.

Nova imports drivers from ``nova.virt.<compute_driver>`` only. A distribution with a
package ``nova`` of its own would leave an empty package where Nova is not installed;
therefore a command writes the two files into the installed Nova. pip, dpkg and rpm remove
only the files that they installed: an upgrade of Nova keeps these two, and nothing in
them depends on its release.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import importlib.util
from pathlib import Path
import sys

PACKAGE = "valence"

#: First line of the shim's files, which identifies them: never changes.
MARK = '"""Brought by valence-nova-shim; the driver itself is valence_integration.nova."""'

#: File name to content.
FILES: Mapping[str, str] = {
    "__init__.py": f"{MARK}\n\nfrom nova.virt.valence.driver import ValenceDriver\n",
    "driver.py": f"{MARK}\n\nfrom valence_integration.nova.driver import ValenceDriver\n",
}


class ShimError(Exception):
    """The command failed; the message says what to do."""


def locate() -> Path:
    """Return the directory of the shim in this Python environment.

    Nova is searched for and not imported. A directory that merely has the name ``nova``
    does not count.

    :raises ShimError: Nova is not installed.
    """
    spec = importlib.util.find_spec("nova")
    if spec is not None and spec.origin is not None:
        virt = Path(spec.origin).parent / "virt"
        if (virt / "driver.py").is_file():
            return virt / PACKAGE
    raise ShimError(
        f"Nova is not installed in the environment of {sys.executable}: nothing was written. "
        "Run the valence-nova-shim of the environment that nova-compute runs in."
    )


def install() -> str:
    """Write the shim, or overwrite it.

    :returns: a message for the operator.
    :raises ShimError: Nova is not installed, or the directory has other files.
    """
    target = locate()
    _refuse_other_files(target)
    target.mkdir(exist_ok=True)
    for name, content in FILES.items():
        (target / name).write_text(content)
    return f"{target} is installed. In nova.conf: compute_driver = valence.ValenceDriver"


def check() -> str:
    """Check that the shim is installed as this release writes it.

    :returns: a message for the operator.
    :raises ShimError: it is missing or outdated, or Nova is not installed.
    """
    target = locate()
    for name, content in FILES.items():
        path = target / name
        if not path.is_file() or path.read_text() != content:
            raise ShimError(f"{path} is missing or outdated. Run: valence-nova-shim install")
    return f"{target} is installed and current."


def remove() -> str:
    """Remove the shim; idempotent.

    :returns: a message for the operator.
    :raises ShimError: Nova is not installed, or the directory has other files.
    """
    target = locate()
    _refuse_other_files(target)
    if not target.is_dir():
        return f"{target} is not installed."
    for path in [*target.glob("__pycache__/*.pyc"), *map(target.joinpath, FILES)]:
        path.unlink(missing_ok=True)
    for folder in (target / "__pycache__", target):
        if folder.is_dir():
            folder.rmdir()
    return f"{target} is removed."


def _refuse_other_files(target: Path) -> None:
    for path in target.glob("*.py"):
        if path.name not in FILES or not path.read_text().startswith(MARK):
            raise ShimError(
                f"{path} was not written by valence-nova-shim: nothing was changed. Move it "
                "elsewhere, then run the command again."
            )


COMMANDS: Mapping[str, Callable[[], str]] = {"install": install, "check": check, "remove": remove}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``valence-nova-shim install|check|remove``; return 0, or 1 after an error."""
    parser = argparse.ArgumentParser(
        prog="valence-nova-shim",
        description="Install the files through which Nova finds valence.ValenceDriver.",
    )
    parser.add_argument("command", choices=COMMANDS)
    try:
        print(COMMANDS[parser.parse_args(argv).command]())
    except (ShimError, OSError) as exc:
        print(f"valence-nova-shim: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
