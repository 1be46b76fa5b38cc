#!/bin/sh
# Runs one RabbitMQ broker in the foreground, until it is killed.
#
#   broker.sh DIR PORT [DISTRIBUTION_PORT]
#
# DIR keeps the data (new on each start) and the logs. Erlang's distribution port is PORT + 1 unless
# it is given; the name server epmd starts by itself, unless one listens on ERL_EPMD_PORT. Needs Debian's rabbitmq-server, and root to
# become its user.
set -eu

dir=$1
port=$2
distribution=${3:-$((port + 1))}
rm -rf "$dir"
mkdir -p "$dir/home" "$dir/log"
chown -R rabbitmq: "$dir"

exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups env \
    HOME="$dir/home" \
    RABBITMQ_NODENAME="onlooker-$port@localhost" \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_NODE_PORT="$port" \
    RABBITMQ_DIST_PORT="$distribution" \
    RABBITMQ_MNESIA_BASE="$dir/mnesia" \
    RABBITMQ_LOG_BASE="$dir/log" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
