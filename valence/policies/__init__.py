# SPDX-License-Identifier: Apache-2.0

"""The policies of the API: rules of oslo.policy, one file for each noun."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import itertools
import sys
from typing import Any

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_policy import opts
from oslo_policy import policy

from valence import conf as service_conf
from valence import errors
from valence.policies import base
from valence.policies import device
from valence.policies import finding
from valence.policies import flavor
from valence.policies import node
from valence.policies import podmanager
from valence.policies import rack
from valence.policies import system

LOG = logging.getLogger(__name__)

#: CPython before 3.11.8 and before 3.12.2 may raise SystemError when two threads parse source
#: code at the same time (gh-106905). oslo.policy parses the ``key`` of each ``key:%(other)s``
#: when it checks a rule, and formatting a traceback parses too. Debian 12 has 3.11.2.
PARSER_RACE = sys.version_info < (3, 11, 8) or (3, 12) <= sys.version_info < (3, 12, 2)

#: How often a rule is checked on such an interpreter before the error is raised.
PARSER_ATTEMPTS = 10


def list_rules() -> list[policy.RuleDefault]:
    """Return every rule with its default, for the sample file and for the enforcer."""
    nouns = (podmanager, system, rack, device, node, flavor, finding)
    rules = list(itertools.chain(base.RULES, *(noun.RULES for noun in nouns)))
    for rule in rules:
        rule.scope_types = rule.scope_types or base.SCOPES
    return rules


def enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """Return an enforcer of the rules, in which the operator's policy file has precedence."""
    opts.set_defaults(conf, policy_file="policy.yaml")
    new = policy.Enforcer(conf)
    new.register_defaults(list_rules())
    return new


def owner(project_id: str | None) -> Mapping[str, Any]:
    """Return the target of a rule for an object of a project.

    The id is never None: an object without a project must not match users without one.
    """
    return {"project_id": project_id or ""}


def allows(
    enforcer: policy.Enforcer,
    rule: str,
    context: oslo_context.RequestContext,
    project_id: str | None,
) -> bool:
    """Return whether a rule allows a request on an object of a project."""
    check = functools.partial(enforcer.authorize, rule, dict(owner(project_id)), context)
    return bool(_check_with_retries(rule, check) if PARSER_RACE else check())


def enforce(
    enforcer: policy.Enforcer,
    rule: str,
    context: oslo_context.RequestContext,
    project_id: str | None,
) -> None:
    """Require that a rule allows a request on an object of a project.

    :raises Forbidden: it does not.
    """
    if not allows(enforcer, rule, context, project_id):
        raise errors.Forbidden(
            f"The policy {rule} does not allow this. Ask an administrator for the role that it "
            "requires."
        )


def _check_with_retries(rule: str, check: Callable[[], Any]) -> Any:
    """Repeat a check that fails because of :data:`PARSER_RACE`."""
    for _ in range(PARSER_ATTEMPTS - 1):
        try:
            return check()
        except SystemError as exc:
            LOG.debug("Retrying the check of policy %s: %s", rule, exc)
    return check()


def sample_enforcer() -> policy.Enforcer:
    """Return an enforcer for oslo.policy's command line tools."""
    conf = service_conf.read([], prog="valence", default_config_files=[], default_config_dirs=[])
    return enforcer(conf)
