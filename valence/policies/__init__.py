# SPDX-License-Identifier: Apache-2.0

"""Who may do what: the rules of oslo.policy, one file a noun."""

from collections.abc import Mapping
import itertools
from typing import Any

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import log as logging
from oslo_policy import opts
from oslo_policy import policy

from valence import conf as service_conf
from valence.policies import base
from valence.policies import device
from valence.policies import flavor
from valence.policies import node
from valence.policies import podmanager
from valence.policies import rack
from valence.policies import system

LOG = logging.getLogger(__name__)

#: How often a rule is read again that an interpreter could not parse.
PARSING_ATTEMPTS = 10


def list_rules() -> list[policy.RuleDefault]:
    """List every rule with its default, for the sample and for enforcing."""
    nouns = (podmanager, system, rack, device, node, flavor)
    rules = list(itertools.chain(base.RULES, *(noun.RULES for noun in nouns)))
    for rule in rules:
        rule.scope_types = rule.scope_types or base.SCOPES
    return rules


def enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """Make what enforces the rules, with the operator's own over the defaults."""
    opts.set_defaults(conf, policy_file="policy.yaml")
    made = policy.Enforcer(conf)
    made.register_defaults(list_rules())
    return made


def owner(project_id: str | None) -> Mapping[str, Any]:
    """Give the target of a rule: what belongs to a project.

    What belongs to none must not look as if it belonged to those who are in none.
    """
    return {"project_id": project_id or ""}


def allows(
    enforcer: policy.Enforcer,
    rule: str,
    context: oslo_context.RequestContext,
    project_id: str | None,
) -> bool:
    """Tell whether a rule lets somebody do something to what a project owns.

    CPython before 3.11.8 and 3.12.2 sometimes raises SystemError where an expression is
    parsed while another thread parses one (gh-106905): oslo.policy does for every
    ``key:%(other)s``, and so does whoever formats a traceback. Asking again is the cure.
    """
    target = dict(owner(project_id))
    for _ in range(PARSING_ATTEMPTS - 1):
        try:
            return bool(enforcer.authorize(rule, target, context))
        except SystemError as exc:
            LOG.debug("The policy %s is read again: %s", rule, exc)
    return bool(enforcer.authorize(rule, target, context))


def sample_enforcer() -> policy.Enforcer:
    """Make an enforcer for oslo.policy's own tools."""
    conf = service_conf.read([], prog="valence", default_config_files=[], default_config_dirs=[])
    return enforcer(conf)
