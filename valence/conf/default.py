# SPDX-License-Identifier: Apache-2.0

"""Options of group ``[DEFAULT]``: where the service listens, its files, and authentication."""

from typing import Any

from oslo_config import cfg

GROUP = "DEFAULT"

OPTS = [
    cfg.StrOpt(
        "auth_strategy",
        default="noauth",
        choices=[
            ("noauth", "Every request is allowed everything."),
            ("http_basic", "Users with a password in a file are allowed everything."),
            ("keystone", "Keystone validates tokens; policies determine what they allow."),
        ],
        help="How requests are authenticated. With noauth, let the service listen only on an "
        "address that trusted machines alone can reach.",
    ),
    cfg.StrOpt(
        "http_basic_auth_user_file",
        default="/etc/valence/htpasswd",
        help="File with the users of http_basic and the bcrypt digests of their passwords, one "
        "'user:digest' per line, as htpasswd -B writes it. It is read again when it changes.",
    ),
    cfg.FloatOpt(
        "refused_credentials_time",
        default=10.0,
        min=0.0,
        help="Seconds for which the refusal of credentials is cached, which saves a request to "
        "Keystone or a computation. 0 disables the cache.",
    ),
    cfg.HostAddressOpt(
        "host_ip",
        default="127.0.0.1",
        help="Address that valence-api listens on.",
    ),
    cfg.PortOpt(
        "port",
        default=8881,
        help="Port that valence-api listens on.",
    ),
    cfg.IntOpt(
        "api_threads",
        default=16,
        min=1,
        help="Number of requests that valence-api processes at the same time; more of them wait.",
    ),
    cfg.StrOpt(
        "public_endpoint",
        help="URL at which clients reach the service, without /v1, for the links in its "
        "responses. Without it the links have the host of the request, or what a proxy forwards "
        "if [oslo_middleware] enable_proxy_headers_parsing is set.",
    ),
    cfg.IntOpt(
        "max_request_body",
        default=1024 * 1024,
        min=1024,
        help="Maximum length of a request body, bytes.",
    ),
    cfg.StrOpt(
        "state_path",
        default="/var/lib/valence",
        help="Folder for the files of the service: its databases, unless they are configured "
        "elsewhere, and the keys that encrypt credentials. It is created if it does not exist, "
        "accessible to the user of the service only.",
    ),
    cfg.StrOpt(
        "key_file",
        default="$state_path/credentials.keys",
        help="File with the keys for the credentials of pod managers, one per line: the first "
        "encrypts, all of them decrypt. It is created if it does not exist, readable for the "
        "user of the service only. All processes on one database need the same keys; without "
        "them the credentials are lost.",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of ``[DEFAULT]``."""
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample configuration."""
    return [(GROUP, list(OPTS))]
