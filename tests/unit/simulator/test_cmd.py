# SPDX-License-Identifier: Apache-2.0

import contextlib
import io
import os
import signal
import subprocess
import sys

import requests

from podm_simulator import cmd
from podm_simulator.pod import accounting
from tests import base


class TestOptions(base.TestCase):
    def make(self, *argv):
        return cmd.make_simulator(cmd.parser().parse_args(argv))

    def test_the_options_decide_the_size_of_the_pod(self):
        simulator = self.make(
            *("--systems=3", "--cores=10", "--memory-mib=1000", "--drives=2"),
            *("--nics=5", "--pooled-drives=7", "--fpgas=1", "--gpus=2"),
        )
        usage = accounting.pool(simulator.pod)
        totals = {name: line["total"] for name, line in usage.items() if isinstance(line, dict)}
        self.assertEqual(
            {
                "systems": 3,
                "processor_cores": 30,
                "memory_mib": 3000,
                "drives": 3 * 2 + 7,
                "nics": 15,
                "accelerators": 3,
            },
            totals,
        )

    def test_cores_and_memory_that_do_not_divide_evenly_go_into_one_part(self):
        system = self.make("--cores=7", "--memory-mib=1001").pod.stock.systems["1"]
        self.assertEqual((7, 1001), (system.cores, system.memory_mib))
        self.assertEqual((1, 1), (len(system.processors), len(system.memory)))

    def test_an_invalid_value_is_refused(self):
        for option in (
            "--systems=-1",
            "--cores=0",
            "--latency-ms=-5",
            "--page-size=0",
            "--port=x",
        ):
            with contextlib.redirect_stderr(io.StringIO()) as stderr:
                self.assertRaises(SystemExit, cmd.parser().parse_args, [option])
            self.assertIn(option.partition("=")[0], stderr.getvalue())

    def test_an_address_that_cannot_be_served_is_an_error_of_one_line(self):
        for option in ("--host=256.0.0.1", "--port=99999", "--tls-certificate=/nowhere.pem"):
            with contextlib.redirect_stderr(io.StringIO()) as stderr:
                self.assertEqual(1, cmd.main([option]))
            self.assertEqual(1, stderr.getvalue().count("\n"))


class TestProcess(base.TestCase):
    def test_it_prints_its_url_and_ends_on_sigterm(self):
        process = subprocess.Popen(
            [sys.executable, "-m", "podm_simulator", "--systems=1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.addCleanup(process.stdout.close)
        url = line.removeprefix("listening on ").strip()
        self.assertEqual(200, requests.get(f"{url}/redfish/v1/", timeout=10).status_code)
        os.kill(process.pid, signal.SIGTERM)
        self.assertEqual(0, process.wait(60))
