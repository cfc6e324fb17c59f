# SPDX-License-Identifier: Apache-2.0

"""Where Nova looks for its compute drivers: two small files inside of Nova itself.

Nova imports ``nova.virt.<compute_driver>`` and nothing else. A distribution that
brought a package ``nova`` would leave a hollow one wherever Nova is not; so a command
writes the two files, into the Nova that is there. pip, dpkg and rpm remove the files
that they brought: an upgrade of Nova leaves these where they are, and they hold
nothing that depends on its release.
"""

import argparse
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import importlib.util
from pathlib import Path
import sys

PACKAGE = "valence"

#: First line of the files that are ours, by which they are known again.
MARK = '"""Brought by valence-nova-shim; the driver itself is valence_integration.nova."""'

#: What to write: file name to content.
FILES: Mapping[str, str] = {
    "__init__.py": f"{MARK}\n\nfrom nova.virt.valence.driver import ValenceDriver\n",
    "driver.py": f"{MARK}\n\nfrom valence_integration.nova.driver import ValenceDriver\n",
}


class ShimError(Exception):
    """The shim is not what was asked for; says what to do."""


def place() -> Path:
    """Find where the shim belongs in this Python environment.

    Nova is looked for and not imported, and only a real one counts: a folder that has
    the name by chance is no package.

    :raises ShimError: there is no Nova.
    """
    found = importlib.util.find_spec("nova")
    if found is not None and found.origin is not None:
        virt = Path(found.origin).parent / "virt"
        if (virt / "driver.py").is_file():
            return virt / PACKAGE
    raise ShimError(
        f"There is no Nova in the environment of {sys.executable}: nothing was written. Run the "
        "valence-nova-shim of the environment that nova-compute runs in."
    )


def install() -> str:
    """Write the shim, or write it again.

    :returns: a line for people.
    :raises ShimError: there is no Nova, or something else is in its place.
    """
    target = place()
    _refuse_strangers(target)
    target.mkdir(exist_ok=True)
    for name, content in FILES.items():
        (target / name).write_text(content)
    return f"{target} is there. In nova.conf: compute_driver = valence.ValenceDriver"


def check() -> str:
    """See that the shim is there and as this release writes it.

    :returns: a line for people.
    :raises ShimError: it is not, or there is no Nova.
    """
    target = place()
    for name, content in FILES.items():
        path = target / name
        if not path.is_file() or path.read_text() != content:
            raise ShimError(f"{path} is missing or another one. Run: valence-nova-shim install")
    return f"{target} is there and current."


def remove() -> str:
    """Take the shim away; without one nothing happens.

    :returns: a line for people.
    :raises ShimError: there is no Nova, or something else is in its place.
    """
    target = place()
    _refuse_strangers(target)
    if not target.is_dir():
        return f"{target} is not there."
    for path in [*target.glob("__pycache__/*.pyc"), *map(target.joinpath, FILES)]:
        path.unlink(missing_ok=True)
    for folder in (target / "__pycache__", target):
        if folder.is_dir():
            folder.rmdir()
    return f"{target} is gone."


def _refuse_strangers(target: Path) -> None:
    for path in target.glob("*.py"):
        if path.name not in FILES or not path.read_text().startswith(MARK):
            raise ShimError(f"{path} is not ours: nothing was changed. See whose it is.")


COMMANDS: Mapping[str, Callable[[], str]] = {"install": install, "check": check, "remove": remove}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``valence-nova-shim install|check|remove``; 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(
        prog="valence-nova-shim",
        description="Let Nova find the driver that compute_driver = valence.ValenceDriver names.",
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
