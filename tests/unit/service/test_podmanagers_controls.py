# SPDX-License-Identifier: Apache-2.0

"""What nodes let themselves be asked for, however their pod manager spells it."""

from typing import Any

from tests import base
from tests.unit.service import fake_redfish
from valence import errors

PATH = "/redfish/v1/Nodes/7"
ALLOWABLE = "@Redfish.AllowableValues"
RESET = {"target": f"{PATH}/Actions/ComposedNode.Reset"}


class TestControls(base.TestCase):
    def controls(self, **resource: Any) -> Any:
        self.transport = fake_redfish.Transport({("GET", PATH): fake_redfish.ok(resource)})
        self.driver = fake_redfish.driver(self.transport)
        return self.driver.controls(PATH)

    def test_what_is_offered_is_read_in_one_request(self) -> None:
        found = self.controls(
            Name="n",
            Actions={
                "#ComposedNode.Reset": {**RESET, f"ResetType{ALLOWABLE}": ["On", "ForceOff"]}
            },
            Boot={
                "BootSourceOverrideTarget": "None",
                f"BootSourceOverrideTarget{ALLOWABLE}": ["None", "Pxe"],
                "BootSourceOverrideEnabled": "Disabled",
            },
        )
        self.assertEqual(("n", RESET["target"]), (found.name, found.reset_target))
        self.assertEqual(["On", "ForceOff"], found.reset_types)
        boot = {"BootSourceOverrideTarget": ["None", "Pxe"], "BootSourceOverrideEnabled": None}
        self.assertEqual(boot, found.boot)
        self.assertEqual([f"GET {PATH}"], self.transport.asked)

    def test_what_is_left_out_is_not_offered_and_what_is_not_listed_is_not_known(self) -> None:
        found = self.controls(Actions={"Oem": {"#Intel.Oem.Reset": RESET}})
        self.assertEqual(
            (RESET["target"], None, {}), (found.reset_target, found.reset_types, found.boot)
        )
        found = self.controls(Actions="none", Boot=["odd"])
        self.assertEqual((None, {}), (found.reset_target, found.boot))

    def test_a_reset_and_a_boot_device_are_sent_once(self) -> None:
        found = self.controls(Actions={"#ComposedNode.Reset": RESET})
        self.transport.on("POST", RESET["target"], fake_redfish.ok(None, 204))
        self.transport.on("PATCH", PATH, fake_redfish.ok(None, 204))
        self.driver.reset(found, "On")
        self.assertEqual({"ResetType": "On"}, self.transport.sent())
        self.driver.set_boot(PATH, {"BootSourceOverrideTarget": "Pxe"})
        self.assertEqual({"Boot": {"BootSourceOverrideTarget": "Pxe"}}, self.transport.sent())
        asked = [f"GET {PATH}", f"POST {RESET['target']}", f"PATCH {PATH}"]
        self.assertEqual(asked, self.transport.asked)

    def test_a_refusal_has_the_pod_managers_own_words(self) -> None:
        found = self.controls(Actions={"#ComposedNode.Reset": RESET})
        self.transport.on("POST", RESET["target"], fake_redfish.refusal(409, "It is on fire."))
        refused = self.assertRaises(errors.PodManagerRefused, self.driver.reset, found, "On")
        self.assertEqual("It is on fire.", refused.own_words)
