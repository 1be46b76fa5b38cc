#!/bin/sh
# Runs one Kafka broker in KRaft mode in the foreground, until it is killed.
#
#   broker.sh DIR PORT [ADVERTISED_PORT [CONTROLLER_PORT]]
#
# DIR keeps the jars (fetched from Maven Central on first use) and the data (new on each start).
# The controller's port is PORT + 1 unless it is given. Clients are told to come back to
# ADVERTISED_PORT (default: PORT), for a proxy in between. Needs java (17 or later) and mvn.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$1
port=$2
advertised=${3:-$port}
controller=${4:-$((port + 1))}
mkdir -p "$dir"

if [ ! -d "$dir/libs" ]; then
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$dir/libs.new" -DincludeScope=runtime
    mv "$dir/libs.new" "$dir/libs"
fi

rm -rf "$dir/data"
cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$advertised
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/data
num.partitions=3
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
EOF

run() {
    java -Xmx400m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$dir/libs/*" "$@"
}
run kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$dir/server.properties" >/dev/null
exec java -Xmx400m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$dir/libs/*" \
    kafka.Kafka "$dir/server.properties"
