#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack plugin: the service, its client, and a simulated pod manager.
#
#     [[local|localrc]]
#     enable_plugin ironic https://opendev.org/openstack/ironic
#     enable_plugin valence https://opendev.org/openstack/valence
#
# What was run of it: its commands (valence-dbsync, valence-api, podm-simulator,
# valence podmanager create) run in the demonstration and in the functional tests,
# and bash checks its syntax. The plugin itself was not run in a DevStack.

_XTRACE_VALENCE=$(set +o | grep xtrace)
set -o xtrace

function install_valence {
    setup_develop "$VALENCE_DIR" service,simulator
}

function configure_valence {
    sudo install -d -o "$STACK_USER" "$VALENCE_CONF_DIR" "$VALENCE_STATE_PATH"
    rm -f "$VALENCE_CONF"
    iniset "$VALENCE_CONF" DEFAULT auth_strategy "$VALENCE_AUTH_STRATEGY"
    if [[ "$VALENCE_AUTH_STRATEGY" == "keystone" ]]; then
        configure_keystone_authtoken_middleware "$VALENCE_CONF" valence
    fi
    iniset "$VALENCE_CONF" DEFAULT host_ip "$VALENCE_HOST"
    iniset "$VALENCE_CONF" DEFAULT port "$VALENCE_PORT"
    iniset "$VALENCE_CONF" DEFAULT state_path "$VALENCE_STATE_PATH"
    iniset "$VALENCE_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    iniset "$VALENCE_CONF" database connection "$(database_connection_url valence)"
    # An SQLite file, which only this process uses; see the option's help.
    iniset "$VALENCE_CONF" conductor connection "sqlite:///$VALENCE_STATE_PATH/flows.sqlite"
    configure_keystone_authtoken_middleware "$VALENCE_CONF" valence ironic
    iniset "$VALENCE_CONF" ironic region_name "$REGION_NAME"
}

function init_valence {
    recreate_database valence
    "$VALENCE_BIN_DIR/valence-dbsync" --config-file "$VALENCE_CONF" upgrade
}

function create_valence_accounts {
    # The user that validates tokens, and that registers nodes in Ironic.
    create_service_user valence admin
    get_or_create_service valence composable-baremetal "Composable bare metal"
    get_or_create_endpoint composable-baremetal "$REGION_NAME" "$VALENCE_URL"
}

function start_valence {
    run_process valence-api "$VALENCE_BIN_DIR/valence-api --config-file $VALENCE_CONF"
    # /healthcheck needs no token.
    if ! wait_for_service "$SERVICE_TIMEOUT" "$VALENCE_URL/healthcheck"; then
        die $LINENO "valence-api did not start"
    fi
}

function start_valence_simulator {
    local url=http://$VALENCE_HOST:$VALENCE_SIMULATOR_PORT
    run_process valence-simulator "$VALENCE_BIN_DIR/podm-simulator --host $VALENCE_HOST \
        --port $VALENCE_SIMULATOR_PORT --name simulated --systems $VALENCE_SIMULATOR_SYSTEMS \
        --username admin --password $SERVICE_PASSWORD"
    if ! wait_for_service "$SERVICE_TIMEOUT" "$url/redfish/v1/"; then
        die $LINENO "podm-simulator did not start"
    fi
    local login="--os-cloud devstack-admin"
    if [[ "$VALENCE_AUTH_STRATEGY" == "noauth" ]]; then
        login="--os-auth-type none --endpoint $VALENCE_URL"
    fi
    # shellcheck disable=SC2086
    VALENCE_PODM_PASSWORD=$SERVICE_PASSWORD "$VALENCE_BIN_DIR/valence" $login \
        podmanager create --url "$url" --username admin simulated
}

function stop_valence {
    stop_process valence-simulator
    stop_process valence-api
}

function cleanup_valence {
    sudo rm -rf "$VALENCE_CONF_DIR" "$VALENCE_STATE_PATH"
}

VALENCE_BIN_DIR=$(get_python_exec_prefix)

if is_service_enabled valence-api; then
    case "$1 $2" in
        "stack install") install_valence ;;
        "stack post-config")
            configure_valence
            create_valence_accounts
            init_valence
            ;;
        "stack extra")
            start_valence
            if [[ "$VALENCE_USE_SIMULATOR" == "True" ]]; then
                enable_service valence-simulator
                start_valence_simulator
            fi
            ;;
    esac
    case "$1" in
        unstack) stop_valence ;;
        clean) cleanup_valence ;;
    esac
fi

$_XTRACE_VALENCE
