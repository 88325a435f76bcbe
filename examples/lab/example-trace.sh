#!/bin/bash
# example-trace.sh [FILE]: makes example.trace (or FILE) again. It starts a small
# web shop of real servers, each in a network namespace of its own, and records
# what they do with livetrace, limited to those namespaces:
#
#   outside ─┐                    ┌─ shop ─┬─ redis
#   client ──┴─ haproxy ── nginx ─┤        ├─ postgres
#   scraper ─ all                 └─ shop ─┴─ a payment service outside
#
# The world outside is a namespace too, but one that is not recorded.
# Needs root, Go, and the Debian packages haproxy, nginx-light, redis-server,
# postgresql and curl. Nothing of it stays but the file.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath "${1:-example.trace}")
lab=$(mktemp -d /tmp/tcpgraph-lab.XXXXXX)
chmod 755 "$lab"
hosts=(proxy web shop1 shop2 cache db monitor client)
pids=()

cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  for h in switch outside "${hosts[@]}"; do ip netns delete "lab-$h" 2>/dev/null || true; done
  rm -rf "$lab"
}
trap cleanup EXIT

# In a namespace without the new mount of /sys that ip netns exec makes.
in_ns() { local h=$1; shift; nsenter --net="/run/netns/lab-$h" "$@"; }
# Starts a server in the background, as a child that cleanup ends.
start() { local h=$1; shift; exec_in "$h" "$@" >"$lab/$h.log" 2>&1 & pids+=($!); }
# In place of the shell that runs it, so that its number is the command's.
exec_in() { local h=$1; shift; exec nsenter --net="/run/netns/lab-$h" "$@"; }
# Waits until something listens at the port.
await() {
  local h=$1 port=$2
  for _ in $(seq 200); do
    in_ns "$h" ss -Hltn "sport = :$port" | grep -q . && return
    sleep 0.05
  done
  echo "nothing listens at port $port of $h:" >&2; cat "$lab/$h.log" >&2; exit 1
}

echo "building" >&2
for c in livetrace lab/shop; do go build -o "$lab/$(basename $c)" "./examples/$c"; done
cp "$lab/shop" "$lab/scraper"; cp "$lab/shop" "$lab/payments"

# One switch; each host has an address of either family on it.
ip netns add lab-switch
ip -n lab-switch link add br0 type bridge forward_delay 0
ip -n lab-switch link set br0 up
i=1
for h in outside "${hosts[@]}"; do
  ip netns add "lab-$h"
  ip -n "lab-$h" link set lo up
  ip link add "lab$i" netns lab-switch type veth peer name eth0 netns "lab-$h"
  ip -n lab-switch link set "lab$i" master br0 up
  ip -n "lab-$h" addr add "10.203.0.$i/24" dev eth0
  ip -n "lab-$h" addr add "fd00:203::$i/64" dev eth0 nodad
  ip -n "lab-$h" link set eth0 up
  i=$((i + 1))
done
# Addresses for documentation stand for the world (RFC 5737).
for a in 203.0.113.10 203.0.113.11 198.51.100.7; do ip -n lab-outside addr add $a/32 dev eth0; done
for h in "${hosts[@]}"; do
  ip -n "lab-$h" route add 203.0.113.0/24 dev eth0
  ip -n "lab-$h" route add 198.51.100.0/24 dev eth0
done

echo "starting servers" >&2
cat >"$lab/haproxy.cfg" <<CFG
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend shop
  bind 10.203.0.2:80
  bind [fd00:203::2]:80
  default_backend web
frontend metrics
  bind 10.203.0.2:8404
  http-request return status 200
backend web
  server web1 10.203.0.3:80
CFG
mkdir -p "$lab/nginx"
cat >"$lab/nginx.conf" <<CFG
daemon off; worker_processes 2; pid $lab/nginx/pid; error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $lab/nginx/1; proxy_temp_path $lab/nginx/2; fastcgi_temp_path $lab/nginx/3; uwsgi_temp_path $lab/nginx/4; scgi_temp_path $lab/nginx/5;
  upstream shops { server 10.203.0.4:8080; server [fd00:203::5]:8080; }
  server { listen 10.203.0.3:80 reuseport; location / { proxy_pass http://shops; } }
}
CFG
pg=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
mkdir "$lab/pg"; chown postgres "$lab/pg"
as_pg() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
as_pg "$pg/initdb" -A trust -U postgres "$lab/pg" >/dev/null
echo "host all all all trust" >>"$lab/pg/pg_hba.conf"
start outside "$lab/payments" answer 203.0.113.10:443 203.0.113.11:443
start cache redis-server --bind 10.203.0.6 fd00:203::6 --protected-mode no --save "" --dir "$lab"
start db setpriv --reuid postgres --regid postgres --clear-groups "$pg/postgres" -D "$lab/pg" -h 10.203.0.7,fd00:203::7 -k "$lab/pg"
await outside 443; await cache 6379; await db 5432
# These two keep connections to the cache and the database: they are open before
# the recording starts.
start shop1 "$lab/shop" serve :8080 -- 10.203.0.6:6379 10.203.0.7:5432 http://203.0.113.10:443/
start shop2 "$lab/shop" serve :8080 -- '[fd00:203::6]:6379' '[fd00:203::7]:5432' http://203.0.113.11:443/
await shop1 8080; await shop2 8080
start web nginx -c "$lab/nginx.conf"
await web 80
start proxy haproxy -f "$lab/haproxy.cfg"
await proxy 80

echo "recording" >&2
namespaces=$(printf '/run/netns/lab-%s,' "${hosts[@]}")
"$lab/livetrace" -extended -netns "${namespaces%,}" >"$lab/trace" 2>"$lab/livetrace.log" & tracer=$!
pids+=($tracer)
for _ in $(seq 200); do grep -q ^tracing "$lab/livetrace.log" && break; sleep 0.05; done
grep ^tracing "$lab/livetrace.log" >&2
exec_in monitor "$lab/scraper" scrape 10 http://10.203.0.2:8404/ http://10.203.0.4:8080/metrics 'http://[fd00:203::5]:8080/metrics' & scraper=$!
for _ in 1 2 3; do
  in_ns client curl -fsS -o /dev/null http://10.203.0.2/order
  in_ns client curl -fsS -o /dev/null 'http://[fd00:203::2]/order'
  in_ns outside curl -fsS -o /dev/null --interface 198.51.100.7 http://10.203.0.2/
done
# Nobody listens there.
in_ns client curl -s -o /dev/null http://10.203.0.2:8081/ || true
wait $scraper
kill -TERM $tracer; wait $tracer || { cat "$lab/livetrace.log" >&2; exit 1; }
tail -n +2 "$lab/livetrace.log" >&2
{
  echo "# A web shop of real servers, recorded by livetrace -extended in a lab of network"
  echo "# namespaces. Made by examples/lab/example-trace.sh."
  sed "s|$lab|/srv/lab|g" "$lab/trace"
} >"$out"
echo "wrote $out" >&2
