#!/bin/sh
# Records everything in this directory's parent anew. Needs: a Python with grpcio and h2 ($PYTHON),
# @grpc/grpc-js ($NODE_PATH), curl, and nghttp2's nghttp, nghttpd, nghttpx and h2load.
# usage: record.sh FIRST_PORT
set -eu
cd "$(dirname "$0")"
port=$1
python=${PYTHON:-python3}
www=$(mktemp -d)
mkdir "$www/deep"
echo hello >"$www/index.html"
echo x >"$www/deep/page"
head -c 40000 /dev/zero | tr '\0' a >"$www/big.txt"

through() { # NAME SERVER_PORT COMMAND…: runs a client through the proxy, on $port
    "$python" proxy.py "$port" "$2" "../$1.conversation" &
    proxy=$!
    sleep 0.5
    shift 2
    "$@"
    wait $proxy
}

"$python" frames.py ../frames.conversation ../frames.truth
for kind in sync aio; do
    through grpc-python-$kind $((port + 1)) \
        "$python" grpc_calls.py $kind "$port" $((port + 1)) ../grpc-python-$kind.truth
done
through grpc-js $((port + 1)) node grpc_calls.js "$port" $((port + 1)) ../grpc-js.truth

nghttpd --no-tls -d "$www" --push=/index.html=/deep/page $((port + 2)) >/dev/null &
pushing=$!
nghttpd --no-tls -d "$www" $((port + 3)) >/dev/null &
plain=$!
nghttpx -b"127.0.0.1,$((port + 3));;proto=h2" -f"127.0.0.1,$((port + 4));no-tls" 2>/dev/null &
proxying=$!
trap 'kill $pushing $plain $proxying' EXIT
sleep 0.5
through nghttp-push $((port + 2)) \
    nghttp -n "http://127.0.0.1:$port/index.html" "http://127.0.0.1:$port/missing"
through h2load $((port + 3)) h2load -n 120 -c 1 -m 100 "http://127.0.0.1:$port/"
through curl $((port + 3)) curl -sS --http2-prior-knowledge -o /dev/null \
    -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' \
    "http://127.0.0.1:$port/big.txt?token=1"
through curl-upgrade $((port + 4)) curl -sS --http2 -o /dev/null "http://127.0.0.1:$port/index.html" \
    --next --http2 -sS -o /dev/null "http://127.0.0.1:$port/deep/page"
