# SPDX-License-Identifier: Apache-2.0

"""A real Ironic: API and conductor in one process, SQLite, no message bus, no Keystone.

It runs from a virtual environment of its own (``.venv-ironic``, made by the
Makefile, or the one that VALENCE_IRONIC_ENV names), because the Ironic of a cloud
shares no libraries with Valence either.
"""

import configparser
import json
import os
from pathlib import Path
import shutil
import subprocess
import urllib.error
import urllib.request

from devstack.lab import processes

ROOT = Path(__file__).resolve().parents[2]

FOLDERS = ("state", "tmp", "httpboot", "master", "images")


class IronicMissing(Exception):
    """No virtual environment has Ironic; the message has the command that makes one."""


def environment() -> Path:
    """Return the virtual environment that has Ironic.

    :raises IronicMissing: with the command to run.
    """
    path = Path(os.environ.get("VALENCE_IRONIC_ENV") or ROOT / ".venv-ironic").absolute()
    if not (path / "bin" / "ironic").exists():
        raise IronicMissing(
            f"There is no Ironic in {path}. Run `make ironic` to install one there, "
            "or name another virtual environment in VALENCE_IRONIC_ENV."
        )
    return path


def options(
    directory: Path, port: int, glance_url: str | None = None
) -> dict[str, dict[str, object]]:
    """Return the configuration: the redfish driver, booting by virtual media.

    Only what differs from Ironic's defaults. The services that this lab lacks
    (Glance, Neutron, Swift) have an address on which no process listens, so that a
    call to them by mistake fails at once.

    :param glance_url: of a Glance, if there is one.
    """
    absent: dict[str, object] = {"auth_type": "none", "endpoint_override": "http://127.0.0.1:9"}
    return {
        "DEFAULT": {
            "auth_strategy": "noauth",
            "rpc_transport": "none",
            "my_ip": "127.0.0.1",
            "host": "lab",
            "state_path": directory / "state",
            "tempdir": directory / "tmp",
            "hash_ring_reset_interval": 1,
            "minimum_memory_warning_only": True,
            "enabled_hardware_types": "redfish",
            "enabled_bios_interfaces": "no-bios",
            "enabled_boot_interfaces": "redfish-virtual-media",
            "enabled_deploy_interfaces": "ramdisk",
            "enabled_firmware_interfaces": "no-firmware",
            "enabled_inspect_interfaces": "redfish",
            "enabled_network_interfaces": "noop",
            "enabled_raid_interfaces": "no-raid",
            "enabled_storage_interfaces": "noop",
            "enabled_vendor_interfaces": "no-vendor",
        },
        "api": {"host_ip": "127.0.0.1", "port": port, "enable_ramdisk_endpoints": False},
        "database": {"connection": f"sqlite:///{directory / 'ironic.sqlite'}"},
        "conductor": {
            "automated_clean": False,
            "sync_power_state_interval": 3600,
            "force_power_state_during_sync": False,
            "power_state_change_timeout": 30,
            "graceful_shutdown_timeout": 2,
            "enable_mdns": False,
        },
        "deploy": {
            # The URL of an image goes to the machine; Ironic never fetches it.
            "ramdisk_image_download_source": "http",
            "http_root": directory / "httpboot",
            "iso_master_path": directory / "master",
        },
        "pxe": {
            "images_path": directory / "images",
            "instance_master_path": directory / "master",
        },
        "redfish": {
            "connection_attempts": 1,
            "connection_retry_interval": 1,
            "use_swift": False,
        },
        "dhcp": {"dhcp_provider": "none"},
        "service_catalog": {
            "auth_type": "none",
            "endpoint_override": f"http://127.0.0.1:{port}",
        },
        "glance": {**absent, **({"endpoint_override": glance_url} if glance_url else {})},
        "neutron": absent,
        "swift": absent,
        "nova": {"send_power_notifications": False},
    }


def write_ini(path: Path, content: dict[str, dict[str, object]]) -> None:
    """Write an oslo.config file; ``$`` in a value is doubled, so that it is no reference."""
    parser = configparser.RawConfigParser()
    for section, values in content.items():
        if section != "DEFAULT":
            parser.add_section(section)
        for name, value in values.items():
            parser.set(section, name, str(value).replace("$", "$$"))
    with path.open("w") as file:
        parser.write(file)


class Ironic:
    """One real Ironic in a directory, at ``url``, without authentication.

    :param directory: of its database, configuration and log; made when missing.
    :param cache: directory that keeps a migrated empty database between runs.
    :param glance_url: of the Glance that has the images named by uuid.
    """

    def __init__(self, directory: Path, cache: Path, glance_url: str | None = None) -> None:
        self.directory = directory
        self.environment = environment()
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.config = directory / "ironic.conf"
        self._port = port
        self._cache = cache
        self._glance_url = glance_url
        self.process = processes.Process(
            "ironic",
            [self.environment / "bin" / "ironic", "--config-file", self.config],
            directory / "ironic.log",
            ready=self._has_conductor,
            deadline=90,
        )

    def prepare(self) -> None:
        """Write the configuration and create the database."""
        for name in FOLDERS:
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        write_ini(self.config, options(self.directory, self._port, self._glance_url))
        database = self.directory / "ironic.sqlite"
        if database.exists():
            return
        template = self._template()
        if not template.exists():
            self._migrate()
            template.parent.mkdir(parents=True, exist_ok=True)
            partial = template.with_suffix(f".{os.getpid()}")
            shutil.copy(database, partial)
            partial.replace(template)
        else:
            shutil.copy(template, database)

    def _template(self) -> Path:
        """Return the path of the migrated empty database of this version of Ironic."""
        infos = sorted(self.environment.glob("lib/python*/site-packages/ironic-*.dist-info"))
        version = infos[-1].name.removesuffix(".dist-info") if infos else "ironic-unknown"
        return self._cache / f"{version}.sqlite"

    def _migrate(self) -> None:
        program = self.environment / "bin" / "ironic-dbsync"
        process = subprocess.run(
            [program, "--config-file", self.config, "create_schema"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        log = self.directory / "ironic-dbsync.log"
        log.write_text(process.stdout + process.stderr)
        if process.returncode != 0:
            raise processes.ProcessFailed("ironic-dbsync", f"ended with {process.returncode}", log)

    def _has_conductor(self) -> bool:
        """Return whether the API responds and the conductor has registered its drivers."""
        try:
            with urllib.request.urlopen(f"{self.url}/v1/drivers", timeout=5) as response:  # noqa: S310
                return bool(json.load(response)["drivers"])
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
