# SPDX-License-Identifier: Apache-2.0

"""Mogan's create flow, for a node that is already composed and enrolled."""

from typing import Any

from taskflow import engines
from taskflow.patterns import linear_flow

from valence_integration.mogan.modules import MoganModules


def get_flow(
    mogan: MoganModules,
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
    """Load Mogan's create flow, with Mogan's own tasks, without its rescheduling.

    The name, the order and the keys of the store are the same as in
    ``mogan.engine.flows.create_server.get_flow``.
    """
    tasks = mogan.create_server
    flow = linear_flow.Flow("server_create_manager").add(
        tasks.BuildNetworkTask(manager),
        tasks.GenerateConfigDriveTask(),
        tasks.CreateServerTask(manager.driver),
    )
    store = {
        "context": context,
        "filter_properties": filter_properties,
        "request_spec": request_spec,
        "server": server,
        "requested_networks": requested_networks,
        "user_data": user_data,
        "injected_files": injected_files,
        "admin_password": admin_password,
        "key_pair": key_pair,
        "partitions": partitions,
        "configdrive": {},
    }
    return engines.load(flow, store=store)
