# SPDX-License-Identifier: Apache-2.0

"""Pod managers."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
from typing import Any
import uuid as uuids

from oslo_log import log as logging
import werkzeug

from valence import drivers
from valence import errors
from valence import podmanagers
from valence.api import call as api_call
from valence.objects import base as objects_base
from valence.objects import podmanager as podmanager_objects
from valence.objects import podmanager_identity
from valence.objects import podmanager_limitations
from valence.objects import usage as usage_objects
from valence.podmanagers import service_identity
from valence.podmanagers.http import certificates
from valence.podmanagers.http import url as podm_url

LOG = logging.getLogger(__name__)

PLURAL = "podmanagers"

#: Fields of a node in the response to a forced delete.
FORGOTTEN_FIELDS = ("uuid", "name", "path")

#: Fields that a driver needs to connect, as requests and drivers name them.
ACCESS = (
    "url",
    "driver",
    "username",
    "password",
    "verify_ca",
    "ca",
    "client_cert",
    "client_key",
)

#: Fields that are encrypted in the row, and never returned.
SECRETS = ("password", "client_key")

#: Fields with one spelling of what is the same.
NORMAL: Mapping[str, Callable[[str], str]] = {
    "url": podm_url.normal,
    "ca": certificates.normal,
    "client_cert": certificates.normal,
    "client_key": certificates.normal_key,
}

#: Values of the fields that a request to create leaves out.
DEFAULTS: Mapping[str, Any] = {
    "driver": "rsd",
    "username": None,
    "password": None,
    "verify_ca": True,
    "ca": None,
    "client_cert": None,
    "client_key": None,
    "enabled": True,
    "tags": [],
}


def index(call: api_call.Call) -> werkzeug.Response:
    """List pod managers."""
    rows, more = podmanager_objects.page(call.service.db, call.page_query())
    usage = usage_objects.usage(call.service.db, [row.uuid for row in rows])
    views = [view(call, row, usage[row.uuid]) for row in rows]
    return api_call.json_response(call.page(PLURAL, views, more))


def show(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Show a pod manager."""
    return api_call.json_response(view(call, podmanager_objects.get(call.service.db, ident)))


def create(call: api_call.Call) -> werkzeug.Response:
    """Register a pod manager that responds and accepts the credentials.

    One that is registered already, by whatever address, is refused. The same request with
    the same uuid again is the same pod manager.
    """
    service = call.service
    uuid = objects_base.as_uuid(call.body.get("uuid", "")) or str(uuids.uuid4())
    fields = {**DEFAULTS, **_normalized(call.body), "uuid": uuid}
    existing = podmanager_objects.find(service.db, uuid) if "uuid" in call.body else None
    if existing is not None and _is_same(call, existing, fields):
        return api_call.json_response(view(call, existing))
    podmanager_objects.refuse_duplicate(service.db, fields, ("uuid", "name", "url"))
    checked = _check(call, uuid, fields)
    observed = checked.identity
    values = {**_values(call, fields), **_values_of(checked)}
    refuse_same = functools.partial(podmanager_identity.refuse_same, observed=observed, uuid=uuid)
    with service.drivers.keys.in_use():
        try:
            row = podmanager_objects.create(service.db, values, refuse_same)
        except errors.PodManagerDuplicate:
            # An equal request may have created it meanwhile.
            existing = podmanager_objects.find(service.db, uuid)
            if existing is None or not _is_same(call, existing, fields):
                raise
            return api_call.json_response(view(call, existing))
    service.drivers.record_verified(row)
    body = view(call, row)
    return api_call.json_response(body, 201, {"Location": body["links"][0]["href"]})


def update(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Change a pod manager; a new URL, driver or credentials are tried before.

    What answers there has to be the same pod manager.
    """
    service = call.service
    row = podmanager_objects.get(service.db, ident)
    changes = _normalized(call.body)
    podmanager_objects.refuse_duplicate(service.db, {**changes, "uuid": row.uuid}, ("name", "url"))
    values, check = _values(call, changes), None
    new_access = any(field in changes for field in ACCESS)
    if new_access:
        checked = _check(call, row.uuid, {**_access(call, row, changes), **changes})
        observed = checked.identity
        values |= _recognize(call, row, changes, observed) | _limitations_of(checked)
        if "url" in changes:
            check = functools.partial(
                podmanager_identity.refuse_same, observed=observed, uuid=row.uuid
            )
    with service.drivers.keys.in_use():
        row = podmanager_objects.update(service.db, row, values, online=new_access, check=check)
    if new_access:
        service.drivers.connections.forget(row.uuid)
        service.drivers.record_verified(row)
    return api_call.json_response(view(call, row))


def accept_identity(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Accept that what answers is the pod manager: its hardware or its UUID was replaced.

    The request may contain a new URL, driver or credentials. What is stored of its systems
    is deleted, and read again by the next refresh.
    """
    service = call.service
    row = podmanager_objects.get(service.db, ident)
    changes = _normalized(call.body)
    podmanager_objects.refuse_duplicate(service.db, {**changes, "uuid": row.uuid}, ("url",))
    checked = _check(call, row.uuid, {**_access(call, row, changes), **changes})
    observed = checked.identity
    values = {**_values(call, changes), **_values_of(checked)}
    replace = functools.partial(podmanager_identity.replace, observed=observed, uuid=row.uuid)
    with service.drivers.keys.in_use():
        row = podmanager_objects.update(service.db, row, values, online=True, check=replace)
    service.drivers.connections.forget(row.uuid)
    service.drivers.record_verified(row)
    return api_call.json_response(view(call, row))


def delete(call: api_call.Call, ident: str) -> werkzeug.Response:
    """Delete a pod manager without nodes; with force, one that is gone with its nodes.

    The nodes of one that is registered twice go to the other with force.
    """
    service = call.service
    if call.query.get("force"):
        call.authorize("valence:podmanager:force_delete")
        row = podmanager_objects.get(service.db, ident)
        first = _registered_before(call, row)
        if first is not None:
            nodes = podmanager_objects.merge(service.db, row.uuid, into=first.uuid)
        else:
            _refuse_reachable(call, row)
            nodes = podmanager_objects.forget(service.db, row.uuid)
        service.drivers.connections.forget(row.uuid)
        return api_call.json_response(
            {
                "uuid": row.uuid,
                "name": row.name,
                "nodes": [
                    {field: getattr(node, field) for field in FORGOTTEN_FIELDS} for node in nodes
                ],
            }
        )
    uuid = podmanager_objects.delete(service.db, ident)
    service.drivers.connections.forget(uuid)
    return api_call.json_response(status=204)


def view(
    call: api_call.Call, row: podmanager_objects.PodManager, usage: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Return a pod manager as the API shows it: without its secrets.

    :param usage: its usage, if it was read already.
    """
    usage = usage or usage_objects.usage(call.service.db, [row.uuid])[row.uuid]
    return {
        "uuid": row.uuid,
        "name": row.name,
        "url": row.url,
        "driver": row.driver,
        "username": row.username,
        "verify_ca": row.verify_ca,
        "ca": row.ca,
        "client_cert": row.client_cert,
        "enabled": row.enabled,
        "tags": row.tags,
        "status": row.status,
        "status_reason": row.status_reason,
        "status_since": api_call.isotime(row.status_since),
        "service_uuid": row.service_uuid,
        "kept_facts": row.kept_facts,
        "limitations": row.limitations,
        "usage": {**usage, "refreshed_at": api_call.isotime(usage["refreshed_at"])},
        "created_at": api_call.isotime(row.created_at),
        "updated_at": api_call.isotime(row.updated_at),
        "links": [{"rel": "self", "href": call.href(PLURAL, row.uuid)}],
    }


def _values_of(checked: podmanagers.Checked) -> dict[str, Any]:
    """Return the columns of a pod manager that was just read for the first time."""
    return {**podmanager_identity.values_of(checked.identity), **_limitations_of(checked)}


def _limitations_of(checked: podmanagers.Checked) -> dict[str, Any]:
    return {"limitations": podmanager_limitations.values_of(checked.info.limitations)}


def _check(call: api_call.Call, uuid: str, fields: Mapping[str, Any]) -> podmanagers.Checked:
    """Connect to a pod manager as a request describes it.

    :raises ValenceError: with status 400, if it does not respond or refuses.
    """
    if fields["ca"] is not None and fields["verify_ca"] is False:
        raise errors.RequestInvalid(
            "The request has a ca, and verify_ca is false: no certificate would be verified "
            "with it. Leave one of them out, or set ca to null."
        )
    _check_client_certificate(fields["client_cert"], fields["client_key"])
    try:
        access = podmanagers.Access(uuid=uuid, **{field: fields[field] for field in ACCESS})
        return call.service.drivers.connections.check(access)
    except errors.ValenceError as exc:
        raise exc.as_bad_request() from exc


def _check_client_certificate(certificate: str | None, key: str | None) -> None:
    """Require that a client certificate has its private key.

    :raises RequestInvalid: one of them is missing, or the other's.
    """
    if (certificate is None) != (key is None):
        raise errors.RequestInvalid(
            "A client certificate needs client_cert and client_key: set both, or both to null."
        )
    if certificate is not None and key is not None and not certificates.is_pair(certificate, key):
        raise errors.RequestInvalid(
            "body.client_key is not the private key of client_cert, whose first certificate is "
            "the client's own."
        )


def _recognize(
    call: api_call.Call,
    row: podmanager_objects.PodManager,
    changes: Mapping[str, Any],
    observed: service_identity.Service,
) -> dict[str, Any]:
    """Return the columns for the identity of a pod manager that was just read.

    :raises PodManagerMismatched: it is another, or cannot be recognized at a new URL, or at
        one where another answered before.
    """
    known = podmanager_identity.get(call.service.db, row)
    comparison = service_identity.compare(known, observed)
    verdict, url = comparison.verdict, changes.get("url", row.url)
    if verdict is service_identity.Verdict.UNKNOWN:
        return podmanager_identity.values_of(observed)
    is_doubtful = url != row.url or row.status == podmanager_objects.MISMATCHED
    is_unread = verdict is service_identity.Verdict.UNREAD
    if verdict is service_identity.Verdict.OTHER or (is_unread and is_doubtful):
        raise drivers.mismatched(row, url, comparison.describe())
    return {} if is_unread else {"service_uuid": observed.uuid or row.service_uuid}


def _registered_before(
    call: api_call.Call, row: podmanager_objects.PodManager
) -> podmanager_objects.PodManager | None:
    """Return the row by which a pod manager was registered before; None: there is none.

    Only a row of an earlier release can be the second of two.
    """
    if row.status != podmanager_objects.MISMATCHED:
        return None
    service = call.service
    try:
        observed = service.drivers.connections.check(service.drivers.access(row)).identity
    except errors.ValenceError:
        return None
    known = podmanager_identity.get(service.db, row)
    if service_identity.compare(known, observed).verdict is service_identity.Verdict.OTHER:
        return None  # another pod manager has its address: its nodes are not there
    first = podmanager_identity.find_same(service.db, observed, row.uuid)
    is_second = first is not None and podmanager_identity.is_earlier(first, row)
    return first if is_second else None


def _refuse_reachable(call: api_call.Call, row: podmanager_objects.PodManager) -> None:
    """Require that the URL of a pod manager does not respond, not even with an error.

    :raises PodManagerReachable: it responds.
    """
    access = podmanagers.Access(row.uuid, row.url, row.driver, verify_ca=row.verify_ca, ca=row.ca)
    if call.service.drivers.connections.is_reachable(access):
        raise errors.PodManagerReachable(
            f"{row.url} still responds, so pod manager {row.name!r} is not gone. Delete its "
            "nodes, then the pod manager; or switch off the server there, if it is another one."
        )


def _is_same(
    call: api_call.Call, row: podmanager_objects.PodManager, fields: Mapping[str, Any]
) -> bool:
    """Return whether the same request registered a pod manager."""
    rest = {field: getattr(row, field) for field in fields if field not in ACCESS}
    return {**rest, **_access(call, row, {})} == dict(fields)


def _access(
    call: api_call.Call, row: podmanager_objects.PodManager, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the stored access fields; a secret that changes is not decrypted."""
    access = {field: getattr(row, field) for field in ACCESS if field not in SECRETS}
    for field in SECRETS:
        if field not in changes:
            access[field] = call.service.drivers.decrypt(getattr(row, f"{field}_encrypted"))
    return access


def _values(call: api_call.Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row: the fields of a request, with the secrets encrypted."""
    values = dict(fields)
    for field in SECRETS:
        if field in values:
            values[f"{field}_encrypted"] = call.service.drivers.encrypt(values.pop(field))
    return values


def _normalized(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with its URL and certificates in one spelling, to find duplicates.

    :raises RequestInvalid: the URL, a certificate or a key is malformed.
    """
    fields = dict(body)
    for field, normalize in NORMAL.items():
        if fields.get(field) is not None:
            try:
                fields[field] = normalize(fields[field])
            except ValueError as exc:
                raise errors.RequestInvalid(f"body.{field}: {exc}.") from exc
    return fields
