# What is tried on each kernel: nginx that passes requests on to itself, asked by curl, all traced.
# AGENT is set by the line before this one.
uname -r
mkdir -p /tmp/nginx/www
echo hello >/tmp/nginx/www/a
cat >/tmp/nginx/conf <<'CONF'
worker_processes 2; user root; error_log /tmp/nginx/error.log; pid /tmp/nginx/pid;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path /tmp/nginx/1; proxy_temp_path /tmp/nginx/2; fastcgi_temp_path /tmp/nginx/3;
    uwsgi_temp_path /tmp/nginx/4; scgi_temp_path /tmp/nginx/5;
    server { listen 127.0.0.1:18080; location / { proxy_pass http://127.0.0.1:18081; } }
    server { listen 127.0.0.1:18081; root /tmp/nginx/www; }
}
CONF
nginx -c /tmp/nginx/conf || exit 1
"$AGENT" doctor
"$AGENT" trace --pid "$(cat /tmp/nginx/pid)" --exe '*/curl' --format line --count 12 \
    --duration 120s >/tmp/spans 2>/tmp/messages &
agent=$!
until grep -q 'onlooker: tracing' /tmp/messages; do
    kill -0 $agent || { cat /tmp/messages; exit 1; }
    sleep 0.2
done
for request in 1 2 3; do curl -s -o /tmp/body http://127.0.0.1:18080/a || exit 1; done
wait $agent || exit 1
cat /tmp/messages
sed 's/^/span: /' /tmp/spans
