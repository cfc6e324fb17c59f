# SPDX-License-Identifier: Apache-2.0

"""``valence-manage``: occasional tasks of operators."""

from collections.abc import Callable
from collections.abc import Mapping
import pathlib
import sys

from oslo_config import cfg
from oslo_log import log as logging

from valence import audit
from valence import conf as service_conf
from valence import wiring
from valence.credentials import rotation
from valence_conductor.cmd import startup_errors
from valence_conductor.db.engine import Database

#: step of ``rotate-keys`` -> its function
STEPS: Mapping[str, Callable[[Database, str], str]] = {
    "all": rotation.rotate,
    "add": rotation.add,
    "use": rotation.use,
    "drop": rotation.drop,
}

OPTIONS = [
    cfg.StrOpt(
        "command",
        positional=True,
        choices=["rotate-keys", "audit"],
        help="rotate-keys: encrypt the credentials of pod managers with a new key. Running "
        "processes read the new key by themselves. audit: print every composed node, Ironic "
        "node and row that contradict each other now, with what to do; nothing is released or "
        "deleted. Exit status: 0 there is none, 2 there are some, 1 a peer did not answer.",
    ),
    cfg.StrOpt(
        "step",
        default="all",
        choices=list(STEPS),
        help="Part of rotate-keys, for hosts that each have a copy of the key file: add a key, "
        "use it, and drop the old keys. Copy the file to every host after each step.",
    ),
]


@startup_errors.reported("valence-manage")
def main(argv: list[str] | None = None) -> int:
    """Run a command; 0: done, 1: failed, 2: an audit has findings."""
    arguments = sys.argv[1:] if argv is None else argv
    conf = service_conf.read(arguments, prog="valence-manage", options=OPTIONS)
    logging.setup(conf, "valence")
    if not pathlib.Path(conf.key_file).exists():
        print(f"valence-manage: the key file {conf.key_file} does not exist", file=sys.stderr)
        return 1
    return COMMANDS[conf.command](conf)


def rotate_keys(conf: cfg.ConfigOpts) -> int:
    """Encrypt the credentials of pod managers with a new key."""
    db = Database(conf.database.connection)
    try:
        db.reach(0)
        wiring.check_schema(db)
        print(STEPS[conf.step](db, conf.key_file))
    except (wiring.SchemaBehind, rotation.Unreadable, OSError, ValueError) as exc:
        print(f"valence-manage: {exc}", file=sys.stderr)
        return 1
    finally:
        db.close()
    return 0


def run_audit(conf: cfg.ConfigOpts) -> int:
    """Print what an audit finds now, without repairing it."""
    context = None
    try:
        context = wiring.make(conf)
        context.db.reach(0)
        wiring.check_schema(context.db)
        report = audit.Audit(context, is_report=True)
        findings = report.run()
    except (wiring.SchemaBehind, OSError, ValueError) as exc:
        print(f"valence-manage: {exc}", file=sys.stderr)
        return 1
    finally:
        if context is not None:
            context.drivers.connections.close()
            context.db.close()
    for finding in findings:
        print(f"{finding.kind}: {finding.what}")
    for sentence in report.skipped:
        print(f"valence-manage: {sentence}", file=sys.stderr)
    if findings:
        return 2
    return 1 if report.skipped else 0


#: command -> its function, which returns the exit status
COMMANDS: Mapping[str, Callable[[cfg.ConfigOpts], int]] = {
    "rotate-keys": rotate_keys,
    "audit": run_audit,
}


if __name__ == "__main__":
    sys.exit(main())
