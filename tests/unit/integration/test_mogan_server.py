# SPDX-License-Identifier: Apache-2.0

"""Mogan's Server with ``composed``: the object, the column and the migration."""

from oslo_versionedobjects import fixture
import sqlalchemy as sa

from tests.unit.integration import mogan_world as world
from valence_integration.mogan import server as mogan_server

#: Of the contract's Server, and of the hook's. A changed field fails the test: increase
#: VERSION, and convert to the older version in obj_make_compatible.
FINGERPRINTS = {
    "1.0": "3e78c39d5ddb7b08ecdb7dad3a579b49",
    "1.1": "aba61092d1fbb52c6cceee8967409980",
}


class TestServer(world.MoganTestCase):
    def test_fields_do_not_change_without_a_new_version(self) -> None:
        for server_class in (self.contract.Server, self.mogan.objects.Server):
            checker = fixture.ObjectVersionChecker(obj_classes={"Server": [server_class]})
            version, _, fingerprint = checker.get_hashes()["Server"].partition("-")
            self.assertEqual(FINGERPRINTS[version], fingerprint)

    def test_mogan_uses_the_newer_version_and_keeps_the_older(self) -> None:
        registry = self.mogan.object_base.MoganObjectRegistry
        versions = [server_class.VERSION for server_class in registry.obj_classes()["Server"]]
        self.assertEqual(["1.1", "1.0"], versions)
        self.assertEqual(mogan_server.VERSION, self.mogan.objects.Server.VERSION)
        self.assertIs(self.mogan.objects.Server, mogan_server.extend(self.mogan))

    def test_composed_is_not_sent_to_an_older_mogan(self) -> None:
        server = self.mogan.objects.Server(name="web", composed=True)
        for version, is_sent in (("1.0", False), ("1.1", True)):
            data = server.obj_to_primitive(target_version=version)["mogan_object.data"]
            self.assertEqual((is_sent, "web"), ("composed" in data, data["name"]))

    def test_composed_survives_serialization(self) -> None:
        primitive = self.add_server(composed=True).obj_to_primitive()
        server = self.mogan.object_base.MoganObject.obj_from_primitive(primitive)
        self.assertIs(True, server.composed)


class TestTable(world.MoganTestCase):
    def migrate(self, db: sa.Engine) -> None:
        """Add a row before the column."""
        columns = [column["name"] for column in sa.inspect(db).get_columns("servers")]
        self.assertNotIn("composed", columns)
        table = sa.Table("servers", sa.MetaData(), autoload_with=db)
        with db.begin() as connection:
            self.old_uuid = "6a1f6d7e-9f43-4f66-8ef5-5c9dc4b9b1a5"
            values = {"uuid": self.old_uuid, "name": "old", "status": "active"}
            connection.execute(table.insert().values(**values))
        super().migrate(db)

    def test_composed_is_none_in_an_older_row_and_means_no(self) -> None:
        server = self.mogan.objects.Server.get(self.context, self.old_uuid)
        self.assertIsNone(server.composed)
        self.assertFalse(mogan_server.is_composed(server))
        manager = self.start()
        self.delete(manager, server)
        self.assertEqual([], self.valence.calls)

    def test_the_model_and_the_migrated_table_agree(self) -> None:
        columns = {column["name"]: column for column in sa.inspect(self.db).get_columns("servers")}
        self.assertEqual(set(self.mogan.models.Server.__table__.columns.keys()), set(columns))
        self.assertTrue(columns["composed"]["nullable"])
        self.assertIsInstance(columns["composed"]["type"], sa.Boolean)

    def test_the_migration_follows_mogans_last_one(self) -> None:
        migration = world.load(world.MIGRATION, "servers_composed")
        self.assertEqual(self.contract.MIGRATION, migration.down_revision)
        self.assertTrue(world.MIGRATION.name.startswith(migration.revision))
