# SPDX-License-Identifier: Apache-2.0

"""The files through which Nova finds the driver are written into Nova only."""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock
import venv
import zipfile

from tests import base
from valence_integration.nova import shim


class ShimTestCase(base.TestCase):
    """A folder on the path, in which Nova may be installed."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        site = self.make_site()
        self.virt = site / "nova/virt"
        path = mock.patch.object(sys, "path", [str(site)])
        path.start()
        self.addCleanup(path.stop)
        self.addCleanup(sys.path_importer_cache.pop, str(site), None)

    def make_site(self) -> pathlib.Path:
        """Return the folder that is searched for packages."""
        return self.folder

    def make_nova(self) -> None:
        self.virt.mkdir(parents=True)
        for file in (self.virt.parent / "__init__.py", self.virt / "driver.py"):
            file.write_text("")

    def run_shim(self, command: str) -> tuple[int, str]:
        """Run the command; return its status and its output."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            return shim.main([command]), output.getvalue()


class TestShim(ShimTestCase):
    def test_the_driver_is_installed_into_nova(self) -> None:
        self.make_nova()
        status, output = self.run_shim("install")
        self.assertEqual((0, True), (status, "compute_driver = valence.ValenceDriver" in output))
        self.assertEqual(0, self.run_shim("check")[0])
        self.assertEqual(
            set(shim.FILES), {path.name for path in (self.virt / "valence").iterdir()}
        )

    def test_without_nova_nothing_is_written(self) -> None:
        for command in shim.COMMANDS:
            status, output = self.run_shim(command)
            self.assertEqual((1, True), (status, "Nova is not installed" in output))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_a_folder_with_the_name_nova_is_not_nova(self) -> None:
        self.virt.mkdir(parents=True)
        self.assertEqual(1, self.run_shim("install")[0])
        self.assertEqual([], list(self.virt.iterdir()))

    def test_installing_again_updates_the_files(self) -> None:
        self.make_nova()
        self.run_shim("install")
        driver = self.virt / "valence/driver.py"
        driver.write_text(f"{shim.MARK}\n# of an older release\n")
        status, output = self.run_shim("check")
        self.assertEqual((1, True), (status, "valence-nova-shim install" in output))
        self.run_shim("install")
        self.assertEqual(0, self.run_shim("check")[0])

    def test_removing_restores_nova(self) -> None:
        self.make_nova()
        before = sorted(self.folder.rglob("*"))
        self.run_shim("install")
        (self.virt / "valence/__pycache__").mkdir()
        (self.virt / "valence/__pycache__/driver.cpython-311.pyc").write_text("")
        self.assertEqual(0, self.run_shim("remove")[0])
        self.assertEqual(before, sorted(self.folder.rglob("*")))
        self.assertEqual(0, self.run_shim("remove")[0])

    def test_other_files_are_never_changed(self) -> None:
        self.make_nova()
        other = self.virt / "valence/__init__.py"
        other.parent.mkdir()
        other.write_text("# of another driver\n")
        for command in ("install", "remove"):
            status, output = self.run_shim(command)
            self.assertEqual((1, True), (status, "was not written by valence-nova-shim" in output))
        self.assertEqual("# of another driver\n", other.read_text())


class TestUpgrade(ShimTestCase):
    def make_site(self) -> pathlib.Path:
        venv.create(self.folder, with_pip=False)
        python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return self.folder / f"lib/{python}/site-packages"

    def test_the_files_survive_an_upgrade_of_nova(self) -> None:
        self.pip_install("1")
        self.run_shim("install")
        self.pip_install("2")
        self.assertFalse((self.virt / "only_in_1.py").exists())
        self.assertTrue((self.virt / "only_in_2.py").exists())
        self.assertEqual(0, self.run_shim("check")[0])

    def pip_install(self, version: str) -> None:
        """Install a Nova of this version with pip, in place of any other."""
        info = f"nova-{version}.dist-info"
        wheel = self.folder / f"nova-{version}-py3-none-any.whl"
        files = {
            "nova/__init__.py": "",
            "nova/virt/driver.py": "",
            f"nova/virt/only_in_{version}.py": "",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: nova\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        pip = [sys.executable, "-m", "pip", "--python", self.folder / "bin/python", "install"]
        options = ["--no-index", "--no-deps", "--disable-pip-version-check", "--quiet", wheel]
        subprocess.run([*pip, *options], check=True, capture_output=True)
