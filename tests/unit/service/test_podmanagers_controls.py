# SPDX-License-Identifier: Apache-2.0

"""Actions and boot settings of nodes, in every spelling of pod managers."""

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

    def test_what_a_node_offers_is_read_in_one_request(self) -> None:
        controls = self.controls(
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
        self.assertEqual(("n", RESET["target"]), (controls.name, controls.reset_target))
        self.assertEqual(["On", "ForceOff"], controls.reset_types)
        boot = {"BootSourceOverrideTarget": ["None", "Pxe"], "BootSourceOverrideEnabled": None}
        self.assertEqual(boot, controls.boot)
        self.assertEqual([f"GET {PATH}"], self.transport.asked)

    def test_what_is_absent_is_not_offered_and_values_that_are_not_listed_are_unknown(
        self,
    ) -> None:
        controls = self.controls(Actions={"Oem": {"#Intel.Oem.Reset": RESET}})
        self.assertEqual(
            (RESET["target"], None, {}),
            (controls.reset_target, controls.reset_types, controls.boot),
        )
        controls = self.controls(Actions="none", Boot=["odd"])
        self.assertEqual((None, {}), (controls.reset_target, controls.boot))

    def test_a_reset_and_a_boot_device_are_sent_once(self) -> None:
        controls = self.controls(Actions={"#ComposedNode.Reset": RESET})
        self.transport.on("POST", RESET["target"], fake_redfish.ok(None, 204))
        self.transport.on("PATCH", PATH, fake_redfish.ok(None, 204))
        self.driver.reset(controls, "On")
        self.assertEqual({"ResetType": "On"}, self.transport.sent())
        self.driver.set_boot(PATH, {"BootSourceOverrideTarget": "Pxe"})
        self.assertEqual({"Boot": {"BootSourceOverrideTarget": "Pxe"}}, self.transport.sent())
        expected = [f"GET {PATH}", f"POST {RESET['target']}", f"PATCH {PATH}"]
        self.assertEqual(expected, self.transport.asked)

    def test_a_refusal_has_the_pod_managers_own_words(self) -> None:
        controls = self.controls(Actions={"#ComposedNode.Reset": RESET})
        self.transport.on("POST", RESET["target"], fake_redfish.refusal(409, "It is on fire."))
        refused = self.assertRaises(errors.PodManagerRefused, self.driver.reset, controls, "On")
        self.assertEqual("It is on fire.", refused.own_words)
