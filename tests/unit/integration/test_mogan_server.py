# SPDX-License-Identifier: Apache-2.0

"""Mogan's Server with ``composed``: the object, the column and the migration."""

from oslo_versionedobjects import fixture
import sqlalchemy as sa

from tests.unit.integration import mogan_world as world
from valence_integration.mogan import server as servers

#: Of Mogan's stand-in, and of ours. Change a field, and this fails: bump VERSION, and teach
#: obj_make_compatible the way back.
FINGERPRINTS = {
    "1.0": "3e78c39d5ddb7b08ecdb7dad3a579b49",
    "1.1": "aba61092d1fbb52c6cceee8967409980",
}


class TestServer(world.MoganTestCase):
    def test_fields_do_not_change_without_a_new_version(self) -> None:
        for kind in (self.contract.Server, self.mogan.objects.Server):
            checker = fixture.ObjectVersionChecker(obj_classes={"Server": [kind]})
            version, _, found = checker.get_hashes()["Server"].partition("-")
            self.assertEqual(FINGERPRINTS[version], found)

    def test_mogan_finds_the_newer_one_and_still_understands_the_older(self) -> None:
        registry = self.mogan.object_base.MoganObjectRegistry
        known = [kind.VERSION for kind in registry.obj_classes()["Server"]]
        self.assertEqual(["1.1", "1.0"], known)
        self.assertEqual(servers.VERSION, self.mogan.objects.Server.VERSION)
        self.assertIs(self.mogan.objects.Server, servers.extend(self.mogan))

    def test_an_older_mogan_is_told_nothing_of_composed(self) -> None:
        server = self.mogan.objects.Server(name="web", composed=True)
        for version, told in (("1.0", False), ("1.1", True)):
            data = server.obj_to_primitive(target_version=version)["mogan_object.data"]
            self.assertEqual((told, "web"), ("composed" in data, data["name"]))

    def test_a_server_survives_the_way_through_a_primitive(self) -> None:
        primitive = self.server(composed=True).obj_to_primitive()
        again = self.mogan.object_base.MoganObject.obj_from_primitive(primitive)
        self.assertIs(True, again.composed)


class TestTable(world.MoganTestCase):
    def migrate(self, db: sa.Engine) -> None:
        """Add a row first: it is older than the column."""
        columns = [column["name"] for column in sa.inspect(db).get_columns("servers")]
        self.assertNotIn("composed", columns)
        table = sa.Table("servers", sa.MetaData(), autoload_with=db)
        with db.begin() as connection:
            self.old = "6a1f6d7e-9f43-4f66-8ef5-5c9dc4b9b1a5"
            values = {"uuid": self.old, "name": "old", "status": "active"}
            connection.execute(table.insert().values(**values))
        super().migrate(db)

    def test_a_row_older_than_composed_reads_none_and_is_not_composed(self) -> None:
        read = self.mogan.objects.Server.get(self.context, self.old)
        self.assertIsNone(read.composed)
        self.assertFalse(servers.is_composed(read))
        manager = self.start()
        self.delete(manager, read)
        self.assertEqual([], self.valence.calls)

    def test_the_model_and_the_migrated_table_agree(self) -> None:
        columns = {column["name"]: column for column in sa.inspect(self.db).get_columns("servers")}
        self.assertEqual(set(self.mogan.models.Server.__table__.columns.keys()), set(columns))
        self.assertTrue(columns["composed"]["nullable"])
        self.assertIsInstance(columns["composed"]["type"], sa.Boolean)

    def test_the_migration_follows_the_last_of_mogan(self) -> None:
        step = world.load(world.MIGRATION, "servers_composed")
        self.assertEqual(self.contract.MIGRATION, step.down_revision)
        self.assertTrue(world.MIGRATION.name.startswith(step.revision))
