# SPDX-License-Identifier: Apache-2.0

"""A fake Glance, from which the lab's Ironic reads images that Nova names by their uuid."""

import http.server
import json
import threading

BOOT_ISO = "http://127.0.0.1/images/node.iso"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Every image exists, and is a ramdisk that can be booted."""

    def do_GET(self) -> None:
        image = self.path.rstrip("/").rpartition("/")[2]
        if not self.path.startswith("/v2/images/"):
            host = f"http://{self.headers['Host']}"
            link = {"rel": "self", "href": f"{host}/v2/"}
            version = {"id": "v2.16", "status": "CURRENT", "links": [link]}
            self.answer({"versions": [version]})
            return
        document = {
            "id": image,
            "name": image,
            "status": "active",
            "visibility": "public",
            "disk_format": "iso",
            "container_format": "bare",
            "size": 1,
            "checksum": "0" * 32,
            "boot_iso_id": BOOT_ISO,
            "ironic_ramdisk_deploy": "True",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }
        self.answer(document)

    def answer(self, document: object) -> None:
        """Send a JSON document."""
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


class Glance:
    """A server on loopback that runs until this process ends."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
