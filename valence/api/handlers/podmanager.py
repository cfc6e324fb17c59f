# SPDX-License-Identifier: Apache-2.0

"""Pod managers."""

from collections.abc import Mapping
from typing import Any
import uuid as uuids

import werkzeug

from valence import errors
from valence import podmanagers
from valence.api import call as api_call
from valence.objects import base
from valence.objects import podmanager as podmanager_objects
from valence.objects import usage as usage_objects
from valence.podmanagers.http import certificates
from valence.podmanagers.http import url as podm_url

PLURAL = "podmanagers"

#: What is told of a node that is forgotten.
GONE = ("uuid", "name", "path")

#: What a driver must know to get in, as requests and drivers call it.
ACCESS = ("url", "driver", "username", "password", "verify_ca", "ca")

FRESH: Mapping[str, Any] = {
    "driver": "rsd",
    "username": None,
    "password": None,
    "verify_ca": True,
    "ca": None,
    "enabled": True,
    "tags": [],
}


def index(call: api_call.Call) -> werkzeug.Response:
    """List pod managers."""
    rows, more = podmanager_objects.page(call.service.db, call.page_wanted())
    usage = usage_objects.usage(call.service.db, [row.uuid for row in rows])
    views = [view(call, row, usage[row.uuid]) for row in rows]
    return api_call.answer(call.page(PLURAL, views, more))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pod manager."""
    return api_call.answer(view(call, podmanager_objects.get(call.service.db, ident)))


def create(call: api_call.Call) -> werkzeug.Response:
    """Make a pod manager known that answers, and that accepts the credentials.

    The same request with the same uuid again is the same pod manager.
    """
    service = call.service
    uuid = base.as_uuid(call.body.get("uuid", "")) or str(uuids.uuid4())
    asked = {**FRESH, **_plain(call.body), "uuid": uuid}
    known = podmanager_objects.find(service.db, uuid) if "uuid" in call.body else None
    if known is not None and _is_same(call, known, asked):
        return api_call.answer(view(call, known))
    podmanager_objects.refuse_duplicate(service.db, asked, ("uuid", "name", "url"))
    _check(call, uuid, asked)
    with service.drivers.keys.in_use():
        try:
            row = podmanager_objects.create(service.db, _values(call, asked))
        except errors.PodManagerDuplicate:
            # Two that are the same may come at once.
            known = podmanager_objects.find(service.db, uuid)
            if known is None or not _is_same(call, known, asked):
                raise
            return api_call.answer(view(call, known))
    shown = view(call, row)
    return api_call.answer(shown, 201, {"Location": shown["links"][0]["href"]})


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a pod manager; a new way in is tried before it is believed."""
    service = call.service
    row = podmanager_objects.get(service.db, ident)
    changes = _plain(call.body)
    podmanager_objects.refuse_duplicate(service.db, {**changes, "uuid": row.uuid}, ("name", "url"))
    way_in = any(field in changes for field in ACCESS)
    if way_in:
        _check(call, row.uuid, {**_known_access(call, row, changes), **changes})
    with service.drivers.keys.in_use():
        row = podmanager_objects.update(service.db, row, _values(call, changes), online=way_in)
    if way_in:
        service.drivers.connections.forget(row.uuid)
    return api_call.answer(view(call, row))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Forget a pod manager on which no node stands; with force, one that is gone with them."""
    service = call.service
    if call.query.get("force"):
        call.authorize("valence:podmanager:force_delete")
        row = podmanager_objects.get(service.db, ident)
        _refuse_reachable(call, row)
        nodes = podmanager_objects.forget(service.db, row.uuid)
        service.drivers.connections.forget(row.uuid)
        return api_call.answer(
            {
                "uuid": row.uuid,
                "name": row.name,
                "nodes": [{field: getattr(node, field) for field in GONE} for node in nodes],
            }
        )
    uuid = podmanager_objects.delete(service.db, ident)
    service.drivers.connections.forget(uuid)
    return api_call.answer(status=204)


def view(
    call: api_call.Call, row: podmanager_objects.PodManager, usage: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Give a pod manager as the API shows it: without its password.

    :param usage: what it has, if that is known already.
    """
    counted = usage or usage_objects.usage(call.service.db, [row.uuid])[row.uuid]
    return {
        "uuid": row.uuid,
        "name": row.name,
        "url": row.url,
        "driver": row.driver,
        "username": row.username,
        "verify_ca": row.verify_ca,
        "ca": row.ca,
        "enabled": row.enabled,
        "tags": row.tags,
        "status": row.status,
        "status_reason": row.status_reason,
        "status_since": api_call.moment(row.status_since),
        "usage": {**counted, "refreshed_at": api_call.moment(counted["refreshed_at"])},
        "created_at": api_call.moment(row.created_at),
        "updated_at": api_call.moment(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }


def _check(call: api_call.Call, uuid: str, asked: Mapping[str, Any]) -> None:
    """Try a way in; that it does not lead anywhere is the request's fault."""
    if asked["ca"] is not None and asked["verify_ca"] is False:
        raise errors.RequestInvalid(
            "A ca is given, and verify_ca is false: no certificate would be compared with it. "
            "Leave one of them out, or set ca to null."
        )
    try:
        access = podmanagers.Access(uuid=uuid, **{field: asked[field] for field in ACCESS})
        call.service.drivers.connections.check(access)
    except errors.ValenceError as exc:
        raise exc.blamed_on_request() from exc


def _refuse_reachable(call: api_call.Call, row: podmanager_objects.PodManager) -> None:
    """See that nothing answers where a pod manager was, whatever its answer."""
    access = podmanagers.Access(row.uuid, row.url, row.driver, verify_ca=row.verify_ca, ca=row.ca)
    if call.service.drivers.connections.is_reachable(access):
        raise errors.PodManagerReachable(
            f"Something answers at {row.url}: pod manager {row.name!r} is not gone. Delete its "
            "nodes, then the pod manager; or switch off what answers there, if it is another."
        )


def _is_same(
    call: api_call.Call, row: podmanager_objects.PodManager, asked: Mapping[str, Any]
) -> bool:
    """Tell whether a pod manager was made known by the same request."""
    rest = {field: getattr(row, field) for field in asked if field not in ACCESS}
    return {**rest, **_known_access(call, row, {})} == dict(asked)


def _known_access(
    call: api_call.Call, row: podmanager_objects.PodManager, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the way in that is known; a password that is given anew is not decrypted."""
    known = {field: getattr(row, field) for field in ACCESS if field != "password"}
    if "password" not in changes:
        known["password"] = call.service.drivers.access(row).password
    return known


def _values(call: api_call.Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns of a row: those of the request, with the password encrypted."""
    values = dict(asked)
    if "password" in values:
        values["password_encrypted"] = call.service.drivers.encrypt(values.pop("password"))
    return values


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Write what can be written in several ways in one, so that nothing is known twice.

    :raises RequestInvalid: it is no URL, or no certificate.
    """
    plain = dict(body)
    for field, write in (("url", podm_url.normal), ("ca", certificates.normal)):
        if plain.get(field) is not None:
            try:
                plain[field] = write(plain[field])
            except ValueError as exc:
                raise errors.RequestInvalid(f"body.{field}: {exc}.") from exc
    return plain
