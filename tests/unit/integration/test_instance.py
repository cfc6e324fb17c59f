# SPDX-License-Identifier: Apache-2.0

"""The versioned object, its table and its migrations."""

import datetime

from alembic import autogenerate
from alembic import migration
from oslo_versionedobjects import base as oslo_objects
from oslo_versionedobjects import exception
from oslo_versionedobjects import fixture
import sqlalchemy as sa

from tests import base as tests_base
from tests.unit.integration import base
from valence_conductor.db import engine as db_engine
from valence_conductor.db import migrations as db_migrations
from valence_integration.db import instances as db_instances
from valence_integration.db import migrations
from valence_integration.db import models
from valence_integration.objects import base as base_objects
from valence_integration.objects.instance import Instance

#: When a field changes, this test fails: bump VERSION, describe the change in the docstring
#: of the class, extend obj_make_compatible, then write the new fingerprint here.
FINGERPRINTS = {"Instance": "1.1-13ca8a2ae6c1f5ebdb3f74f7a552d44b"}


class TestInstance(tests_base.TestCase):
    def test_fields_do_not_change_without_a_new_version(self) -> None:
        classes = base_objects.IntegrationObjectRegistry.obj_classes()
        hashes = fixture.ObjectVersionChecker(obj_classes=classes).get_hashes()
        self.assertEqual(FINGERPRINTS, hashes)

    def test_the_registry_is_separate_from_that_of_the_process(self) -> None:
        self.assertNotIn("Instance", oslo_objects.VersionedObjectRegistry.obj_classes())
        self.assertEqual(
            [Instance], base_objects.IntegrationObjectRegistry.obj_classes()["Instance"]
        )

    def test_an_instance_is_restored_from_its_primitive(self) -> None:
        instance = Instance(name="web", composed=None, fault={"code": "x", "n": [1]})
        restored = Instance.obj_from_primitive(instance.obj_to_primitive())
        self.assertEqual("web", restored.name)
        self.assertIsNone(restored.composed)
        self.assertEqual({"code": "x", "n": [1]}, restored.fault)

    def test_an_older_version_has_no_conductor(self) -> None:
        instance = Instance(name="web", conductor="lab:1")
        for version, has_conductor in (("1.0", False), ("1.1", True)):
            primitive = instance.obj_to_primitive(target_version=version)
            self.assertEqual(has_conductor, "conductor" in primitive["valence_object.data"])
            self.assertEqual("web", primitive["valence_object.data"]["name"])

    def test_unknown_versions_and_names_are_refused(self) -> None:
        self.assertRaises(
            exception.IncompatibleObjectVersion, Instance.obj_class_from_name, "Instance", "9.0"
        )
        self.assertRaises(
            exception.UnsupportedObjectError, Instance.obj_class_from_name, "Server", "1.0"
        )

    def test_none_is_not_composed(self) -> None:
        composed = [Instance(composed=value).is_composed for value in (None, False, True)]
        self.assertEqual([False, False, True], composed)

    def test_json_fields_hold_objects_only(self) -> None:
        self.assertRaises(ValueError, Instance, deploy="text")


class TestTable(base.WorldTestCase):
    def test_the_models_and_the_migrated_schema_agree(self) -> None:
        engine = self.instances._db.engine
        with engine.connect() as connection:
            options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
            context = migration.MigrationContext.configure(connection, opts=options)
            self.assertEqual([], autogenerate.compare_metadata(context, models.Base.metadata))

    def test_the_schema_is_at_the_newest_revision(self) -> None:
        version = db_migrations.version(self.instances._db, migrations.VERSION_TABLE)
        self.assertEqual(db_migrations.latest_revision(migrations.PATH), version)

    def test_each_database_has_its_own_installation(self) -> None:
        self.assertEqual(self.instances.installation(), self.open_instances().installation())
        other = db_engine.Database(f"sqlite:///{self.folder}/other.sqlite")
        self.addCleanup(other.close)
        second = db_instances.Instances(other)
        second.upgrade()
        self.assertNotEqual(self.instances.installation(), second.installation())

    def test_times_are_read_in_utc(self) -> None:
        created_at = self.add_instance().created_at
        self.assertEqual(datetime.timedelta(0), created_at.utcoffset())

    def test_a_row_older_than_composed_reads_none_and_is_not_composed(self) -> None:
        db = db_engine.Database(f"sqlite:///{self.folder}/old.sqlite")
        self.addCleanup(db.close)
        db_migrations.upgrade(db, migrations.PATH, migrations.VERSION_TABLE, "0001")
        old = {
            "uuid": "6a1f6d7e-9f43-4f66-8ef5-5c9dc4b9b1a5",
            "name": "old",
            "state": "active",
            "operation": "provision",
            "generation": 1,
            "destroy_requested": False,
            "request_digest": "",
            "created_at": datetime.datetime(2026, 1, 1),
        }
        with db.writer() as session:
            table = sa.Table("instances", sa.MetaData(), autoload_with=session.connection())
            self.assertNotIn("composed", table.columns)
            session.execute(table.insert().values(**old))
        db_migrations.upgrade(db, migrations.PATH, migrations.VERSION_TABLE)
        with db.reader() as session:
            row = session.scalars(sa.select(models.InstanceRow)).one()
            instance = db_instances.to_object(row)
        self.assertIsNone(instance.composed)
        self.assertFalse(instance.is_composed)
