# SPDX-License-Identifier: Apache-2.0

"""Which pod managers are tried for a node, in which order, and why the others are not."""

from collections.abc import Callable
import datetime
from typing import Any
import uuid as uuids

import fixtures

from tests import base as test_base
from tests.unit.service import base
from valence import conf as service_conf
from valence.objects import inventory as inventory_objects
from valence.objects import node as node_objects
from valence.objects import node_changes
from valence.objects import podmanager as podmanager_objects
from valence.scheduler import base as scheduling
from valence.scheduler import candidates
from valence.scheduler import filters
from valence.scheduler import Scheduler

SINCE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def candidate(name: str = "pod", **fields: Any) -> scheduling.Candidate:
    row: Any = podmanager_objects.PodManager(name=name, status=fields.pop("status", "online"))
    row.status_since, row.status_reason = SINCE, "It does not answer."
    row.enabled, row.tags = fields.pop("enabled", True), fields.pop("tags", [])
    return scheduling.Candidate(row, **fields)


SHAPE = {
    "cores": 16,
    "memory_mib": 65536,
    "processor_count": 2,
    "processors": [{"type": "CPU", "model": "Xeon", "instruction_set": "x86-64"}],
    "nics": [{"speed_mbps": 10000}],
}


def _conf() -> Any:
    return service_conf.read([], prog="valence-api", default_config_files=[])


class TestFilters(test_base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf = _conf()

    def refusal(self, kind: type[scheduling.Filter], one: Any, **properties: Any) -> str | None:
        return kind(self.conf).refusal(one, scheduling.Request(properties))

    def capable(self, properties: dict[str, Any], *shapes: Any, **fields: Any) -> str | None:
        fresh = {"fresh": True, "shapes": shapes or (SHAPE,), **fields}
        return self.refusal(filters.Capable, candidate(**fresh), **properties)

    def test_a_disabled_one_is_refused(self) -> None:
        self.assertIsNone(self.refusal(filters.Enabled, candidate()))
        refusal = self.refusal(filters.Enabled, candidate(enabled=False))
        self.assertEqual("It is disabled.", refusal)

    def test_an_offline_one_is_refused_with_time_and_reason(self) -> None:
        self.assertIsNone(self.refusal(filters.Online, candidate(status="degraded")))
        refusal = self.refusal(filters.Online, candidate(status="offline"))
        self.assertEqual(
            "It has been offline since 2026-01-01 00:00:00 UTC: It does not answer.", refusal
        )

    def test_tags_that_are_missing_are_named(self) -> None:
        one = candidate(tags=["gold", "row-1"])
        self.assertIsNone(self.refusal(filters.Tags, one))
        self.assertIsNone(self.refusal(filters.Tags, one, tags=["gold"]))
        refusal = self.refusal(filters.Tags, one, tags=["gold", "gpu", "row-2"])
        self.assertEqual("It does not have the tags gpu, row-2.", refusal)
        self.assertIn("gold", self.refusal(filters.Tags, candidate(), tags=["gold"]) or "")

    def test_what_fits_is_not_refused(self) -> None:
        for properties in (
            {},
            {"processor": {"total_cores": 16, "count": 2, "model": "xeon"}},
            {"memory": {"capacity_mib": 65536, "type": "DDR4"}},
            {"network": [{"speed_mbps": 10000, "vlan": 7}, {"vlan": 8}]},
            {"storage": [{"capacity_gib": 10**6}]},
        ):
            self.assertIsNone(self.capable(properties), properties)

    def test_what_is_too_large_is_refused_by_name(self) -> None:
        for properties, words in (
            ({"processor": {"total_cores": 17}}, "processor.total_cores 17"),
            ({"processor": {"count": 3}}, "processor.count 3"),
            ({"processor": {"model": "Epyc"}}, "processor.model Epyc"),
            ({"memory": {"capacity_mib": 65537}}, "memory.capacity_mib 65537"),
            ({"network": [{"speed_mbps": 25000}]}, "25000 Mbit/s"),
            ({"pci_device": [{"type": "FPGA"}]}, "0 devices of type FPGA"),
        ):
            self.assertIn(words, self.capable(properties) or "", properties)

    def test_one_system_must_have_it_all(self) -> None:
        other = {**SHAPE, "cores": 64, "memory_mib": 1024}
        requirements = {"processor": {"total_cores": 64}, "memory": {"capacity_mib": 65536}}
        self.assertIn("memory.capacity_mib", self.capable(requirements, SHAPE, other) or "")

    def test_an_unknown_property_of_a_system_counts_as_met(self) -> None:
        requirements = {
            "processor": {"total_cores": 999, "model": "?"},
            "network": [{"speed_mbps": 1}],
        }
        self.assertIsNone(self.capable(requirements, {"cores": None}))

    def test_an_inventory_that_is_not_fresh_refuses_nothing(self) -> None:
        requirements = {"processor": {"total_cores": 999}}
        self.assertIsNone(self.capable(requirements, SHAPE, fresh=False))

    def test_pooled_accelerators_are_counted(self) -> None:
        requirements = {"pci_device": [{"type": "FPGA", "count": 2}]}
        self.assertIsNone(self.capable(requirements, devices={"FPGA": 2}))
        self.assertIn("1 devices", self.capable(requirements, devices={"FPGA": 1}) or "")

    def test_one_without_systems_is_refused(self) -> None:
        self.assertEqual(
            "It has no systems.",
            self.refusal(filters.Capable, candidate(fresh=True), processor={"total_cores": 1}),
        )


class TestOrder(test_base.TestCase):
    def order(self, *pool: scheduling.Candidate, **options: Any) -> list[str]:
        conf = _conf()
        for name, value in options.items():
            conf.set_override(name, value, group="scheduler")
        ranked = Scheduler(conf)._rank(list(pool), scheduling.Request({}))
        return [one.podm.name for one in ranked]

    def test_the_one_with_most_free_comes_first_or_last(self) -> None:
        pool = [candidate(str(free), free=free) for free in (3, 9, 6)]
        self.assertEqual(["9", "6", "3"], self.order(*pool))
        self.assertEqual(["3", "6", "9"], self.order(*pool, placement="pack"))

    def test_full_and_degraded_ones_come_last_either_way(self) -> None:
        pool = [
            candidate("degraded", free=9, status="degraded"),
            candidate("full", free=0),
            candidate("one", free=1),
        ]
        for placement in ("spread", "pack"):
            self.assertEqual(["one", "full", "degraded"], self.order(*pool, placement=placement))

    def test_of_equals_the_quick_one_comes_first(self) -> None:
        pool = [candidate("slow", free=5, latency=0.2), candidate("swift", free=5, latency=0.1)]
        self.assertEqual(["swift", "slow"], self.order(*pool))
        self.assertEqual(["slow", "swift"], self.order(*pool, weighers=["capacity"]))

    def test_latency_can_be_made_to_count_more_than_what_is_free(self) -> None:
        pool = [candidate("far", free=9, latency=0.2), candidate("near", free=1, latency=0.1)]
        self.assertEqual(["far", "near"], self.order(*pool))
        self.assertEqual(["near", "far"], self.order(*pool, latency_weight=5.0))

    def test_without_an_inventory_the_one_with_the_fewest_nodes_comes_first(self) -> None:
        pool = [candidate("many", nodes=7), candidate("few", nodes=1)]
        self.assertEqual(["few", "many"], self.order(*pool))

    def test_an_unknown_filter_is_named(self) -> None:
        conf = _conf()
        conf.set_override("filters", ["enabled", "lucky"], group="scheduler")
        exc = self.assertRaises(ValueError, Scheduler, conf)
        self.assertIn("lucky", str(exc))


class TestChoice(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.small = self.simulate("small", systems=2, cores=8)
        self.large = self.simulate("large", systems=2, cores=32)
        # No sweep: rows that a test creates have no job.
        self.start(conductor__sweep_interval=600.0)
        self.podms = {pod.pod.name: self.know(pod) for pod in (self.small, self.large)}
        self.refresh()

    def refresh(self) -> None:
        answer = self.api("GET", "/v1/systems?refresh=true")
        self.assertEqual(200, answer.status_code)

    def fault_of(self, **fields: Any) -> dict[str, Any]:
        node = self.settled(self.compose(**fields)["uuid"])
        assert node is not None
        self.assertEqual("error", node["state"], node)
        fault: dict[str, Any] = node["fault"]
        return fault

    def test_only_a_capable_one_is_tried(self) -> None:
        self.small.journal.clear()
        node = self.composed(properties={"processor": {"total_cores": 32}})
        self.assertEqual(self.podms["large"]["uuid"], node["podm_uuid"])
        self.assertEqual(0, self.small.journal.show()["total"])

    def test_when_none_is_capable_the_fault_has_the_reason_of_each(self) -> None:
        for pod in (self.small, self.large):
            pod.journal.clear()
        fault = self.fault_of(properties=base.TOO_MUCH)
        self.assertEqual("valence.no_podmanager", fault["code"])
        self.assertEqual({"small", "large"}, set(fault["refusals"]))
        for name, reason in fault["refusals"].items():
            self.assertIn("total_cores 4000", reason)
            self.assertIn(f"{name}: {reason}", fault["reason"])
        self.assertEqual(0, self.small.journal.show()["total"])

    def test_the_fault_has_the_reasons_of_filters_and_of_pod_managers(self) -> None:
        for _ in range(2):
            self.composed(podm_id=self.podms["large"]["uuid"])
        fault = self.fault_of(properties={"processor": {"total_cores": 32}})
        self.assertIn("total_cores 32", fault["refusals"]["small"])
        self.assertIn("available", fault["refusals"]["large"].lower())

    def test_a_pod_manager_that_the_request_names_is_tried_whatever_its_inventory(self) -> None:
        fault = self.fault_of(properties=base.TOO_MUCH, podm_id=self.podms["small"]["uuid"])
        self.assertEqual("valence.podmanager.refused", fault["code"])
        self.assertIn("available", fault["reason"].lower())

    def test_systems_that_are_alike_may_differ_inside(self) -> None:
        odd = self.small.pod.stock.systems["2"]
        for nic in odd.nics:
            nic.speed_mbps = 100_000
        self.service.conf.set_override("details_interval", 0.0, group="inventory")
        self.refresh()
        node = self.composed(properties={"network": [{"speed_mbps": 100_000}]})
        self.assertEqual(
            (self.podms["small"]["uuid"], odd.path), (node["podm_uuid"], node["system_path"])
        )

    def test_when_one_refuses_the_next_is_tried(self) -> None:
        action = {"type": "error", "status": 409, "message": "No."}
        self.fault(self.large, "POST", "Allocate", action=action)
        self.assertEqual(self.podms["small"]["uuid"], self.composed()["podm_uuid"])
        self.assertEqual(0, len(self.large.pod.nodes))

    def test_tags_that_no_pod_manager_has_are_named(self) -> None:
        fault = self.fault_of(properties={**base.FOUR_CORES, "tags": ["gold"]})
        self.assertEqual(
            dict.fromkeys(self.podms, "It does not have the tags gold."), fault["refusals"]
        )

    def test_a_node_with_tags_is_composed_on_a_pod_manager_that_has_them(self) -> None:
        self.api("PATCH", "/v1/podmanagers/small", {"tags": ["gold", "row-1"]})
        node = self.composed(properties={**base.FOUR_CORES, "tags": ["gold"]})
        self.assertEqual(self.podms["small"]["uuid"], node["podm_uuid"])
        self.assertEqual(["gold"], node["properties"]["tags"])

    def test_running_composes_count_as_used(self) -> None:
        self.service.conf.set_override("weighers", ["capacity"], group="scheduler")
        chooser = Scheduler(self.service.conf)
        row: Any = self.composing("one", self.podms["large"]["uuid"])
        choice = chooser.choose(self.service.db, row)
        self.assertEqual("large", choice.order[0].name)  # the node itself does not count
        self.composing("two", self.podms["large"]["uuid"])
        self.assertEqual("small", chooser.choose(self.service.db, row).order[0].name)

    def test_one_whose_first_refresh_ends_meanwhile_is_tried(self) -> None:
        row: Any = self.composing("one", self.podms["large"]["uuid"])
        self.know(self.simulate("third"), "third")
        calls: list[str] = []

        def refresh_after(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*args: Any) -> Any:
                answer = call(*args)
                calls.append(name)
                if len(calls) == 1:
                    self.refresh()
                return answer

            return wrapper

        for where, name in ((candidates, "_read"), (inventory_objects, "by_podm")):
            patch = fixtures.MockPatchObject(
                where, name, refresh_after(name, getattr(where, name))
            )
            self.useFixture(patch)
        choice = Scheduler(self.service.conf).choose(self.service.db, row)
        self.assertIn("third", [podm.name for podm in choice.order], choice.refusals)

    def composing(self, name: str, podm_uuid: str) -> node_objects.Node:
        row, _ = node_changes.create(
            self.service.db,
            {
                "uuid": str(uuids.uuid4()),
                "name": name,
                "fingerprint": name,
                "properties": base.FOUR_CORES,
                "podm_uuid": podm_uuid,
            },
        )
        return row

    def test_an_offline_one_is_tried_when_all_others_have_refused(self) -> None:
        self.small.stop()
        self.refresh()
        self.assertEqual("offline", self.api("GET", "/v1/podmanagers/small").json["status"])
        self.small.start()
        for _ in range(2):
            self.assertEqual(self.podms["large"]["uuid"], self.composed()["podm_uuid"])
        self.assertEqual(self.podms["small"]["uuid"], self.composed()["podm_uuid"])

    def test_one_that_comes_back_in_time_composes_the_node(self) -> None:
        self.service.conf.set_override("outage_timeout", 60.0, group="nodes")
        self.large.stop()
        node = self.compose(properties={"processor": {"total_cores": 32}})
        self.wait_for(lambda: self.api("GET", "/v1/podmanagers/large").json["status"] == "offline")
        self.large.start()
        settled = self.settled(node["uuid"]) or {}
        self.assertEqual("composed", settled["state"], settled)

    def test_one_that_stays_unreachable_is_named_with_those_that_refused(self) -> None:
        self.large.stop()
        fault = self.fault_of(properties={"processor": {"total_cores": 32}})
        self.assertEqual("valence.no_podmanager", fault["code"])
        self.assertIn("total_cores 32", fault["refusals"]["small"])
        self.assertIn("no response", fault["refusals"]["large"])

    def test_a_node_that_waits_for_a_pod_manager_can_be_deleted(self) -> None:
        self.service.conf.set_override("outage_timeout", 600.0, group="nodes")
        self.large.stop()
        node = self.compose(podm_id=self.podms["large"]["uuid"])
        self.wait_for(lambda: self.api("GET", "/v1/podmanagers/large").json["status"] == "offline")
        self.api("DELETE", f"/v1/nodes/{node['uuid']}")
        self.assertIsNone(self.settled(node["uuid"]))
