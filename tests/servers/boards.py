# SPDX-License-Identifier: Apache-2.0

"""Redis, ZooKeeper and etcd: the servers that can have a jobboard."""

import pathlib
import socket

import requests

from tests.servers import process


class Board(process.Server):
    """A server for a jobboard."""

    scheme: str

    @property
    def url(self) -> str:
        """URL of the jobboard on it."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


class Redis(Board):
    """Redis without files."""

    scheme = "redis"
    needs = ("redis-server",)

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        return ["redis-server", *options, "--dir", str(self.folder)]


class Etcd(Board):
    """etcd, one member."""

    scheme = "etcd"
    needs = ("etcd",)

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        client = f"http://127.0.0.1:{self.port}"
        peer = f"http://127.0.0.1:{process.free_port()}"
        return [
            "etcd",
            f"--data-dir={self.folder / 'data'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def listens(self) -> bool:
        """Return whether it has a leader: one that is killed before never elects one."""
        try:
            response = requests.get(f"http://127.0.0.1:{self.port}/health", timeout=1)
        except requests.RequestException:
            return False
        return response.ok


class ZooKeeper(Board):
    """ZooKeeper, one server, from the jar that the distribution ships."""

    scheme = "zookeeper"
    needs = ("java", "/usr/share/java/zookeeper.jar")

    def command(self) -> list[str]:
        """Return the command that starts it in the foreground."""
        config = self.folder / "zoo.cfg"
        config.write_text(
            f"dataDir={self.folder / 'data'}\n"
            f"clientPort={self.port}\n"
            "clientPortAddress=127.0.0.1\n"
            "tickTime=500\n"
            "admin.enableServer=false\n"
            "4lw.commands.whitelist=envi,srvr,ruok\n"
        )
        jars = [str(pathlib.Path("/usr/share/java/zookeeper.jar"))]
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        return ["java", "-Xmx128m", "-cp", ":".join(jars), main, str(config)]

    def listens(self) -> bool:
        """Return whether it serves requests: it accepts connections before that."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"ruok")
                return connection.recv(16) == b"imok"
        except OSError:
            return False


ALL = {"redis": Redis, "zookeeper": ZooKeeper, "etcd": Etcd}
