#!/bin/sh
# Runs one RabbitMQ broker in the foreground, until it is killed.
#
#   broker.sh DIR PORT
#
# DIR keeps the data (new on each start) and the logs. PORT + 1 is Erlang's distribution port; the
# name server epmd starts by itself, on its usual port. Needs Debian's rabbitmq-server, and root to
# become its user.
set -eu

dir=$1
port=$2
rm -rf "$dir"
mkdir -p "$dir/home" "$dir/log"
chown -R rabbitmq: "$dir"

exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env \
    HOME="$dir/home" \
    RABBITMQ_NODENAME="onlooker-$port@localhost" \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_NODE_PORT="$port" \
    RABBITMQ_DIST_PORT="$((port + 1))" \
    RABBITMQ_MNESIA_BASE="$dir/mnesia" \
    RABBITMQ_LOG_BASE="$dir/log" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
