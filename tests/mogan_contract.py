# SPDX-License-Identifier: Apache-2.0

"""The parts of Mogan that the hook uses: stand-ins that follow Mogan's contract exactly.

Mogan is not on PyPI and does not run on current Python versions, so that it cannot be
installed for tests. The comment ``Source:`` above each part names its place in Mogan's last
version (https://opendev.org/x/mogan, the last state before the repository was retired), so
that names, signatures, store keys, states and exceptions can be compared; the parts share
one long file for this comparison. Beyond the contract, each part implements only what the
hook can notice.

:func:`install` makes a module with Mogan's name for each entry of :data:`MODULES`. Every
test loads this file again, so that no test shares its state.
"""

import ast
import base64
import collections
import contextlib
import functools
import gzip
import sys
import threading
import traceback
import types
from typing import Any

from oslo_utils import excutils
from oslo_utils import timeutils
from oslo_versionedobjects import base as object_base
from oslo_versionedobjects import fields as object_fields
import sqlalchemy as sa
from sqlalchemy import orm
from taskflow import engines
from taskflow import task
from taskflow.listeners import logging as logging_listener
from taskflow.patterns import linear_flow

# Source: mogan/common/exception.py


class MoganException(Exception):
    code = 500
    _msg_fmt = "An unknown exception occurred."

    def __init__(self, message: str | None = None, **kwargs: Any) -> None:
        self.kwargs = {"code": self.code, **kwargs}
        super().__init__(message or self._msg_fmt % kwargs)


class NotFound(MoganException):
    code = 404


class Invalid(MoganException):
    code = 400


class NoValidNode(NotFound):
    _msg_fmt = "No valid node was found. %(reason)s"


class ServerNotFound(NotFound):
    _msg_fmt = "Server %(server)s could not be found."


class PortNotFound(NotFound):
    _msg_fmt = "Port id %(port_id)s could not be found."


class ServerDeployFailure(Invalid):
    _msg_fmt = "Failed to deploy server: %(reason)s"


class ServerDeployAborted(Invalid):
    _msg_fmt = "Server deployment is aborted: %(reason)s"


class InterfaceDetachFailed(Invalid):
    _msg_fmt = "Failed to detach network for %(server_uuid)s"


class InvalidState(Invalid):
    _msg_fmt = "Invalid resource state."


class NetworkError(MoganException):
    _msg_fmt = "Network operation failure."


# Source: mogan/common/states.py, mogan/common/fsm.py
ACTIVE, BUILDING, DELETED, DELETING, ERROR = "active", "building", "deleted", "deleting", "error"
NOSTATE, POWER_ON = None, "power on"

TRANSITIONS = {
    (BUILDING, "done"): ACTIVE,
    (DELETING, "done"): DELETED,
    (BUILDING, "error"): ERROR,
    (DELETING, "error"): ERROR,
    (BUILDING, "delete"): DELETING,
    (ACTIVE, "delete"): DELETING,
    (ERROR, "delete"): DELETING,
}


class FSM:
    current_state: str | None = None

    def copy(self) -> "FSM":
        return FSM()

    def initialize(self, start_state: str | None, target_state: str | None = None) -> None:
        self.current_state = start_state

    def process_event(self, event: str) -> None:
        following = TRANSITIONS.get((str(self.current_state), event))
        if following is None:
            raise InvalidState(f"{event} in state {self.current_state}")
        self.current_state = following


machine = FSM()

# Source: mogan/common/utils.py

_LOCKS: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)
#: Threads of :func:`spawn_n`, which uses eventlet in Mogan; here tests can join them.
SPAWNED: list[threading.Thread] = []


def get_state_machine(start_state: str | None = None, target_state: str | None = None) -> FSM:
    fsm = machine.copy()
    fsm.initialize(start_state=start_state, target_state=target_state)
    return fsm


def process_event(fsm: FSM, server: Any, event: str | None = None) -> None:
    fsm.process_event(str(event))
    server.status = fsm.current_state
    server.save()


def synchronized(name: str) -> Any:
    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        def locked(*args: Any, **kwargs: Any) -> Any:
            with _LOCKS[name]:
                return function(*args, **kwargs)

        return locked

    return decorate


def spawn_n(func: Any, *args: Any, **kwargs: Any) -> None:
    def run() -> None:
        with contextlib.suppress(Exception):  # eventlet only prints it
            func(*args, **kwargs)

    SPAWNED.append(threading.Thread(target=run, daemon=True))
    SPAWNED[-1].start()


def add_server_fault_from_exc(
    context: Any, server: Any, fault: Exception, exc_info: Any = None, fault_message: Any = None
) -> None:
    code = getattr(fault, "kwargs", {}).get("code", 500)
    message = (fault_message or str(fault) or type(fault).__name__).encode()[:255]
    detail = "".join(traceback.format_tb(exc_info[2])) if exc_info and code == 500 else ""
    FAULTS.append({"server_uuid": server.uuid, "code": code, "detail": detail})
    FAULTS[-1]["message"] = message.decode(errors="ignore")


#: Table ``server_faults``, oldest first.
FAULTS: list[dict[str, Any]] = []

# Source: mogan/common/flow_utils.py


class MoganTask(task.Task):
    def __init__(self, addons: Any = None, **kwargs: Any) -> None:
        name = f"{type(self).__module__}.{type(self).__name__};{', '.join(addons or [])}"
        super().__init__(name, **kwargs)


class DynamicLogListener(logging_listener.DynamicLoggingListener):
    def __init__(self, engine: Any, logger: Any = None, **kwargs: Any) -> None:
        super().__init__(engine, log=logger, **kwargs)


# Source: mogan/engine/flows/create_server.py

ACTION = "server:create"


class OnFailureRescheduleTask(MoganTask):
    def __init__(self, engine_rpcapi: Any) -> None:
        requires = "filter_properties request_spec server requested_networks user_data"
        requires += " injected_files admin_password key_pair partitions context"
        super().__init__(addons=[ACTION], requires=requires.split())
        self.engine_rpcapi = engine_rpcapi
        self.no_reschedule_exc_types = [ServerNotFound, ServerDeployAborted, NetworkError]

    def execute(self, **kwargs: Any) -> None:
        pass

    def revert(
        self, context: Any, result: Any, flow_failures: Any, server: Any, **kwargs: Any
    ) -> bool:
        if any(f.check(*self.no_reschedule_exc_types) for f in flow_failures.values()):
            return False
        server.node_uuid = server.node = None
        server.save()
        self.engine_rpcapi.schedule_and_create_servers(context, [server], **kwargs)
        return True


class BuildNetworkTask(MoganTask):
    def __init__(self, manager: Any) -> None:
        requires = ["server", "requested_networks", "context"]
        super().__init__(addons=[ACTION], requires=requires)
        self.manager = manager

    def execute(self, context: Any, server: Any, requested_networks: Any) -> None:
        nics = ServerNics(context, objects=[])
        try:
            for network in requested_networks:
                net_id = network["net_id"]
                port = self.manager.network_api.create_port(context, net_id, server.uuid)
                values = {"port_id": port["id"], "server_uuid": server.uuid}
                nics.objects.append(ServerNic(context, preserve_on_delete=False, **values))
                self.manager.driver.plug_vif(server.node_uuid, port["id"])
        except Exception as exc:
            server.nics = nics
            raise NetworkError("Build network for server failed.") from exc
        server.nics = nics
        server.save()

    def revert(
        self, context: Any, result: Any, flow_failures: Any, server: Any, **kwargs: Any
    ) -> bool:
        if server.nics:
            self.manager.destroy_networks(context, server)
            server.nics = None
            return True
        return False


class GenerateConfigDriveTask(MoganTask):
    def __init__(self) -> None:
        requires = "server user_data injected_files admin_password key_pair configdrive context"
        super().__init__(addons=[ACTION], requires=requires.split())

    def execute(
        self,
        context: Any,
        server: Any,
        user_data: Any,
        injected_files: Any,
        admin_password: Any,
        key_pair: Any,
        configdrive: Any,
    ) -> None:
        configdrive["value"] = base64.b64encode(gzip.compress(user_data))


class CreateServerTask(MoganTask):
    def __init__(self, driver: Any) -> None:
        requires = ["server", "configdrive", "partitions", "context"]
        super().__init__(addons=[ACTION], requires=requires)
        self.driver = driver

    def execute(self, context: Any, server: Any, configdrive: Any, partitions: Any) -> None:
        self.driver.spawn(context, server, configdrive.get("value"), partitions)

    def revert(
        self, context: Any, result: Any, flow_failures: Any, server: Any, **kwargs: Any
    ) -> bool:
        if any(f.check(ServerDeployFailure) for f in flow_failures.values()):
            self.driver.destroy(context, server)
            return True
        return False


def get_flow(
    context: Any,
    manager: Any,
    server: Any,
    requested_networks: Any,
    user_data: Any,
    injected_files: Any,
    admin_password: Any,
    key_pair: Any,
    partitions: Any,
    request_spec: Any,
    filter_properties: Any,
) -> Any:
    store = {**locals(), "configdrive": {}}
    store.pop("manager")
    flow = linear_flow.Flow(ACTION.replace(":", "_") + "_manager")
    flow.add(OnFailureRescheduleTask(manager.engine_rpcapi), BuildNetworkTask(manager))
    flow.add(GenerateConfigDriveTask(), CreateServerTask(manager.driver))
    return engines.load(flow, store=store)


# Source: mogan/notifications/base.py

#: The notifications: action, phase, message of the exception.
NOTIFIED: list[tuple[str, str, str | None]] = []


def notify_about_server_action(
    context: Any,
    server: Any,
    host: str,
    action: str,
    phase: str | None = None,
    binary: str = "mogan-engine",
    exception: Exception | None = None,
) -> None:
    NOTIFIED.append((action, str(phase), str(exception) if exception else None))


# Source: mogan/objects/fields.py


class NotificationAction:
    CREATE, DELETE = "create", "delete"


class NotificationPhase:
    START, END, ERROR = "start", "end", "error"


class FlexibleDict(object_fields.FieldType):
    @staticmethod
    def coerce(obj: Any, attr: str, value: Any) -> dict[str, Any]:
        return dict(ast.literal_eval(value) if isinstance(value, str) else value)


class FlexibleDictField(object_fields.AutoTypedField):
    AUTO_TYPE = FlexibleDict()

    def _null(self, obj: Any, attr: str) -> dict[str, Any]:
        return {}


# Source: mogan/objects/base.py

objects = types.ModuleType("mogan.objects")


class MoganObjectRegistry(object_base.VersionedObjectRegistry):
    def registration_hook(self, cls: Any, index: int) -> None:
        registered = getattr(objects, cls.obj_name(), None)
        if registered is None or cls.VERSION >= registered.VERSION:
            setattr(objects, cls.obj_name(), cls)


class MoganObject(object_base.VersionedObject):
    OBJ_SERIAL_NAMESPACE = "mogan_object"
    OBJ_PROJECT_NAMESPACE = "mogan"
    fields = {
        "created_at": object_fields.DateTimeField(nullable=True),
        "updated_at": object_fields.DateTimeField(nullable=True),
    }


# Source: mogan/db/sqlalchemy/models.py (class Server, table ``servers``), and
# mogan/db/sqlalchemy/alembic/versions/91941bf1ebc9_initial_migration.py

MIGRATION = "91941bf1ebc9"


class Base(orm.DeclarativeBase):
    pass


class ServerModel(Base):
    __tablename__ = "servers"
    id = sa.Column(sa.Integer, primary_key=True)
    uuid = sa.Column(sa.String(36), unique=True)
    created_at, updated_at = sa.Column(sa.DateTime), sa.Column(sa.DateTime)
    launched_at = sa.Column(sa.DateTime)
    name, description = sa.Column(sa.String(255)), sa.Column(sa.String(255))
    user_id, project_id = sa.Column(sa.String(36)), sa.Column(sa.String(36))
    status, power_state = sa.Column(sa.String(255)), sa.Column(sa.String(15))
    flavor_uuid, image_uuid = sa.Column(sa.String(36)), sa.Column(sa.String(36))
    availability_zone = sa.Column(sa.String(255))
    node, node_uuid = sa.Column(sa.String(255)), sa.Column(sa.String(36))
    extra, partitions, system_metadata = sa.Column(sa.JSON), sa.Column(sa.JSON), sa.Column(sa.JSON)
    affinity_zone, key_name = sa.Column(sa.String(255)), sa.Column(sa.String(255))
    locked_by = sa.Column(sa.Enum("admin", "owner"))


_engine: sa.Engine | None = None


def connect(url: str) -> sa.Engine:
    """Open the database, and create the tables as Mogan's own migration does."""
    global _engine
    _engine = sa.create_engine(url)
    Base.metadata.create_all(_engine)
    return _engine


# Source: mogan/objects/server_nic.py, mogan/objects/server_nics.py

#: Table ``server_nics``.
NICS: dict[str, "ServerNic"] = {}


@MoganObjectRegistry.register
class ServerNic(MoganObject, object_base.VersionedObjectDictCompat):
    VERSION = "1.0"
    fields = {
        "server_uuid": object_fields.UUIDField(nullable=True),
        "port_id": object_fields.UUIDField(nullable=False),
        "preserve_on_delete": object_fields.BooleanField(nullable=True),
    }

    @classmethod
    def delete_by_port_id(cls, context: Any, port_id: str) -> None:
        if NICS.pop(port_id, None) is None:
            raise PortNotFound(port_id=port_id)


@MoganObjectRegistry.register
class ServerNics(object_base.ObjectListBase, MoganObject, object_base.VersionedObjectDictCompat):
    VERSION = "1.0"
    fields = {"objects": object_fields.ListOfObjectsField("ServerNic")}

    @classmethod
    def get_by_server_uuid(cls, context: Any, server_uuid: str) -> "ServerNics":
        nics = cls(objects=[nic for nic in NICS.values() if nic.server_uuid == server_uuid])
        nics.obj_reset_changes()
        return nics


# Source: mogan/objects/server.py


@MoganObjectRegistry.register
class Server(MoganObject, object_base.VersionedObjectDictCompat):
    VERSION = "1.0"
    fields = {
        "id": object_fields.IntegerField(),
        "uuid": object_fields.UUIDField(nullable=True),
        "name": object_fields.StringField(nullable=True),
        "description": object_fields.StringField(nullable=True),
        "project_id": object_fields.UUIDField(nullable=True),
        "user_id": object_fields.UUIDField(nullable=True),
        "status": object_fields.StringField(nullable=True),
        "power_state": object_fields.StringField(nullable=True),
        "flavor_uuid": object_fields.UUIDField(nullable=True),
        "availability_zone": object_fields.StringField(nullable=True),
        "image_uuid": object_fields.UUIDField(nullable=True),
        "nics": object_fields.ObjectField("ServerNics", nullable=True),
        "fault": object_fields.ObjectField("ServerFault", nullable=True),
        "node": object_fields.StringField(nullable=True),
        "node_uuid": object_fields.UUIDField(nullable=True),
        "launched_at": object_fields.DateTimeField(nullable=True),
        "metadata": FlexibleDictField(nullable=True),
        "partitions": FlexibleDictField(nullable=True),
        "locked_by": object_fields.StringField(nullable=True),
        "affinity_zone": object_fields.StringField(nullable=True),
        "key_name": object_fields.StringField(nullable=True),
        "system_metadata": FlexibleDictField(nullable=True),
    }

    def _from_row(self, row: Any) -> "Server":
        for field in set(self.fields) - {"nics", "fault"}:
            setattr(self, field, getattr(row, "extra" if field == "metadata" else field))
        self.nics = ServerNics.get_by_server_uuid(None, self.uuid)
        self.fault = None
        self.obj_reset_changes()
        return self

    @classmethod
    def list(cls, context: Any, project_only: bool = False, filters: Any = None) -> list[Any]:
        with orm.Session(_engine) as session:
            return [cls(context)._from_row(row) for row in session.query(ServerModel)]

    @classmethod
    def get(cls, context: Any, uuid: str) -> Any:
        with orm.Session(_engine) as session:
            return cls(context)._from_row(_row(session, uuid))

    def create(self, context: Any = None) -> None:
        values = self.obj_get_changes()
        with orm.Session(_engine) as session, session.begin():
            session.add(ServerModel(**values))
        self._from_row(_row(orm.Session(_engine), self.uuid))

    def destroy(self, context: Any = None) -> None:
        with orm.Session(_engine) as session, session.begin():
            session.delete(_row(session, self.uuid))

    def save(self, context: Any = None) -> None:
        updates = self.obj_get_changes()
        for nic in updates.pop("nics", None) or []:
            NICS[nic.port_id] = nic
            nic.obj_reset_changes()
        with orm.Session(_engine) as session, session.begin():
            row = _row(session, self.uuid)
            for field, value in updates.items():
                naive = field.endswith("_at") and value is not None
                setattr(row, field, value.replace(tzinfo=None) if naive else value)
        self.obj_reset_changes()

    def refresh(self, context: Any = None) -> None:
        current = type(self).get(context, self.uuid)
        for field in self.fields:
            if self.obj_attr_is_set(field) and getattr(self, field) != getattr(current, field):
                setattr(self, field, getattr(current, field))
        self.obj_reset_changes()


def _row(session: orm.Session, uuid: str) -> Any:
    row = session.query(ServerModel).filter_by(uuid=uuid).one_or_none()
    if row is None:
        raise ServerNotFound(server=uuid)
    return row


# Source: mogan/engine/base_manager.py, mogan/engine/manager.py


class BaseEngineManager:
    #: Make the driver that ``[engine] engine_driver`` names, and the clients of services.
    factories: dict[str, Any] = {}

    def __init__(self, host: str, topic: str) -> None:
        self.host, self.topic = host, topic
        for name in ("driver", "network_api", "engine_rpcapi", "scheduler_client", "quota"):
            setattr(self, name, self.factories[name]())

    def init_host(self) -> None:
        pass

    def del_host(self) -> None:
        pass


def wrap_server_fault(function: Any) -> Any:
    @functools.wraps(function)
    def decorated_function(self: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return function(self, context, *args, **kwargs)
        except ServerNotFound:
            raise
        except Exception as exc:
            kwargs.update(dict(zip(function.__code__.co_varnames[2:], args, strict=False)))
            with excutils.save_and_reraise_exception():
                add_server_fault_from_exc(context, kwargs["server"], exc, sys.exc_info())

    return decorated_function


class EngineManager(BaseEngineManager):
    def destroy_networks(self, context: Any, server: Any) -> None:
        for nic in server.nics:
            self._detach_interface(context, server, nic.port_id, nic.preserve_on_delete)

    def _detach_interface(
        self, context: Any, server: Any, port_id: str, preserve: bool = False
    ) -> None:
        try:
            self.driver.unplug_vif(context, server, port_id)
        except MoganException as exc:
            raise InterfaceDetachFailed(server_uuid=server.uuid) from exc
        self.network_api.delete_port(context, port_id, server.uuid)
        with contextlib.suppress(PortNotFound):
            ServerNic.delete_by_port_id(context, port_id)

    def _rollback_servers_quota(self, context: Any, number: int) -> None:
        reservations = self.quota.reserve(context, servers=number)
        if reservations:
            self.quota.commit(context, reservations)

    def schedule_and_create_servers(
        self,
        context: Any,
        servers: Any,
        requested_networks: Any,
        user_data: Any,
        injected_files: Any,
        admin_password: Any,
        key_pair: Any,
        partitions: Any,
        request_spec: Any = None,
        filter_properties: Any = None,
    ) -> None:
        filter_properties = {} if filter_properties is None else filter_properties
        retry = filter_properties.pop("retry", {})
        retry = {"nodes": [], **retry, "num_attempts": retry.get("num_attempts", 0) + 1}
        filter_properties["retry"] = retry
        request_spec["num_servers"] = len(servers)
        request_spec["server_ids"] = [server.uuid for server in servers]
        try:
            nodes = self.scheduler_client.select_destinations(
                context, request_spec, filter_properties
            )
        except NoValidNode as exc:
            with excutils.save_and_reraise_exception():
                for server in servers:
                    process_event(get_state_machine(server.status, ACTIVE), server, event="error")
                    add_server_fault_from_exc(context, server, exc, sys.exc_info())
        for server, node in zip(servers, nodes, strict=False):
            server.node_uuid, server.node = node, self.driver.get_node_name(node)
            server.save()
            retry["nodes"].append(node)
        content = (requested_networks, user_data, injected_files, admin_password, key_pair)
        for server in servers:
            rest = (partitions, request_spec, filter_properties)
            spawn_n(self._create_server, context, server, *content, *rest)

    @wrap_server_fault
    def _create_server(
        self,
        context: Any,
        server: Any,
        requested_networks: Any,
        user_data: Any,
        injected_files: Any,
        admin_password: Any,
        key_pair: Any,
        partitions: Any,
        request_spec: Any = None,
        filter_properties: Any = None,
    ) -> None:
        notify_about_server_action(context, server, self.host, "create", "start")
        fsm = get_state_machine(start_state=server.status, target_state=ACTIVE)
        content = (requested_networks, user_data, injected_files, admin_password, key_pair)
        try:
            flow = get_flow(
                context, self, server, *content, partitions, request_spec, filter_properties
            )
            with DynamicLogListener(flow):
                flow.run()
        except Exception as exc:
            with excutils.save_and_reraise_exception():
                server.power_state = NOSTATE
                process_event(fsm, server, event="error")
                self._rollback_servers_quota(context, -1)
                notify_about_server_action(
                    context, server, self.host, "create", "error", exception=exc
                )
        server.power_state = self.driver.get_power_state(context, server.uuid)
        server.launched_at = timeutils.utcnow()
        process_event(fsm, server, event="done")
        notify_about_server_action(context, server, self.host, "create", "end")

    def _delete_server(self, context: Any, server: Any) -> None:
        self.destroy_networks(context, server)
        self.driver.destroy(context, server)

    @wrap_server_fault
    def delete_server(self, context: Any, server: Any) -> None:
        notify_about_server_action(context, server, self.host, "delete", "start")
        fsm = get_state_machine(start_state=server.status, target_state=DELETED)

        @synchronized(server.uuid)
        def do_delete_server(server: Any) -> None:
            try:
                self._delete_server(context, server)
            except ServerNotFound:
                pass
            except Exception:
                with excutils.save_and_reraise_exception():
                    server.power_state = NOSTATE
                    process_event(fsm, server, event="error")
                    self._rollback_servers_quota(context, 1)

        if server.node_uuid:
            do_delete_server(server)
        server.power_state = NOSTATE
        process_event(fsm, server, event="done")
        server.destroy()
        notify_about_server_action(context, server, self.host, "delete", "end")


#: path in Mogan -> its names. The model ``ServerModel`` is installed as Mogan's ``Server``.
MODULES: dict[str, str] = {
    "mogan": "",
    "mogan.common": "",
    "mogan.common.exception": "MoganException NoValidNode ServerNotFound PortNotFound "
    "ServerDeployFailure ServerDeployAborted InterfaceDetachFailed InvalidState NetworkError",
    "mogan.common.states": "ACTIVE BUILDING DELETED DELETING ERROR NOSTATE POWER_ON machine",
    "mogan.common.utils": "get_state_machine process_event synchronized spawn_n "
    "add_server_fault_from_exc",
    "mogan.common.flow_utils": "MoganTask DynamicLogListener",
    "mogan.engine": "",
    "mogan.engine.flows": "",
    "mogan.engine.flows.create_server": "OnFailureRescheduleTask BuildNetworkTask "
    "GenerateConfigDriveTask CreateServerTask get_flow",
    "mogan.engine.manager": "EngineManager wrap_server_fault",
    "mogan.notifications": "",
    "mogan.notifications.base": "notify_about_server_action",
    "mogan.objects": "",
    "mogan.objects.base": "MoganObjectRegistry MoganObject",
    "mogan.objects.fields": "NotificationAction NotificationPhase FlexibleDictField BooleanField",
    "mogan.db": "",
    "mogan.db.sqlalchemy": "",
    "mogan.db.sqlalchemy.models": "Server",
}

BooleanField = object_fields.BooleanField


def install() -> dict[str, types.ModuleType]:
    """Return Mogan's modules, by their paths, for ``sys.modules``."""
    modules = {path: types.ModuleType(path) for path in MODULES} | {"mogan.objects": objects}
    for path, names in MODULES.items():
        for name in names.split():
            value = ServerModel if path.endswith("models") else globals()[name]
            setattr(modules[path], name, value)
        parent, _, child = path.rpartition(".")
        if parent:
            setattr(modules[parent], child, modules[path])
    return modules
