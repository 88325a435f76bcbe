// The scene is what is drawn and listed: the model, grouped and filtered.

const manyProcesses = 120; // beyond it, processes are grouped by command
const manyExternals = 40; // beyond it, external addresses by network
const recent = 5 * 60e3;

const groups = {
  process: () => "",
  command: (n) => n.command,
  container: (n) => n.container ?? "",
  netns: (n) => (n.netns ? `namespace ${n.netns}` : ""),
  host: (n) => n.host || "this host",
};

// build makes a scene of a model and a state. past, if there is one, tells what
// an edge was like at the time of the slider: see Past.at.
export function build(model, state, past) {
  const shown = shownEdges(model, state, past);
  const ends = new Set();
  for (const e of shown) ends.add(e.client).add(e.server);
  const counts = { process: 0, external: 0 };
  for (const id of ends) counts[model.nodes.get(id).external ? "external" : "process"]++;
  const by = Object.hasOwn(groups, state.by) ? state.by : counts.process > manyProcesses ? "command" : "process";
  const fold = state.external === "fold" || (state.external === "" && counts.external > manyExternals);
  const scene = { nodes: new Map(), edges: new Map(), by, fold, counts, hidden: 0 };
  const keys = new Map();
  for (const id of ends) keys.set(id, keyOf(model.nodes.get(id), by, fold));
  const hidden = new Set();
  for (const e of shown) {
    const from = keys.get(e.client), to = keys.get(e.server);
    if (state.hide.has(from.key) || state.hide.has(to.key)) {
      for (const { key } of [from, to]) if (state.hide.has(key)) hidden.add(key);
      continue;
    }
    const a = join(scene, from, model.nodes.get(e.client)), b = join(scene, to, model.nodes.get(e.server));
    a.client = b.server = true;
    merge(scene, a, b, e);
  }
  scene.hidden = hidden.size;
  for (const n of scene.nodes.values()) name(n);
  return scene;
}

// shownEdges returns the edges that the filters let through, as they were at the
// time that is shown.
function shownEdges(model, state, past) {
  const shown = [];
  const since = model.status.trace ? model.status.now - recent : Date.now() - recent;
  for (const edge of model.edges.values()) {
    const e = past ? past(edge) : edge;
    if (!e) continue;
    if (!state.loopback && e.loopback > 0 && e.loopback >= e.connections) continue;
    if (state.show === "open" && !e.open) continue;
    if (state.show === "recent" && !e.open && e.last < since) continue;
    const client = model.nodes.get(e.client), server = model.nodes.get(e.server);
    if (!client || !server) continue;
    if (state.external === "hide" && (client.external || server.external)) continue;
    shown.push(e);
  }
  return shown;
}

// keyOf says which node of the scene a node is part of. Processes and external
// nodes are never in one.
function keyOf(n, by, fold) {
  if (n.external) {
    if (by === "host") return { key: `ext:${n.address}`, group: n.address };
    const net = fold ? network(n.address) : "";
    return net ? { key: `net:${net}`, group: net } : { key: String(n.id), group: "" };
  }
  const group = groups[by](n);
  return group ? { key: `${by}:${group}`, group } : { key: String(n.id), group: "" };
}

// network returns the network that an external address is folded into.
function network(address) {
  const v4 = /^(\d+)\.(\d+)\./.exec(address);
  if (!v4) return `${address.split(":")[0] || "0"}::/16`;
  if (v4[1] === "192" && v4[2] === "168") return "192.168.0.0/16";
  return `${v4[1]}.0.0.0/8`;
}

function join(scene, { key, group }, node) {
  let n = scene.nodes.get(key);
  if (!n) {
    n = { key, group, external: !!node.external, members: new Map(), client: false, server: false, open: 0, connections: 0, failed: 0, glow: -Infinity };
    scene.nodes.set(key, n);
  }
  n.members.set(node.id, node);
  return n;
}

function merge(scene, a, b, e) {
  const key = `${a.key}\n${b.key}`;
  let m = scene.edges.get(key);
  if (!m) {
    m = { key, from: a, to: b, ids: [], ports: new Map(), more: false, connections: 0, open: 0, failed: 0, loopback: 0, sent: 0, received: 0, first: 0, last: 0, glow: -Infinity };
    scene.edges.set(key, m);
  }
  m.ids.push(e.id);
  for (const [port, service] of Object.entries(e.ports)) m.ports.set(Number(port), service);
  m.more ||= !!e.more;
  for (const count of ["connections", "open", "failed", "loopback", "sent", "received"]) m[count] += e[count];
  if (e.first && (!m.first || e.first < m.first)) m.first = e.first;
  m.last = Math.max(m.last, e.last);
  m.glow = Math.max(m.glow, e.glow);
  for (const n of a === b ? [a] : [a, b]) {
    n.connections += e.connections;
    n.open += e.open;
    n.failed += e.failed;
    n.glow = Math.max(n.glow, e.glow);
  }
}

// name gives a node of the scene its two lines of text, and where others say more
// in a drawing, a label and a detail.
function name(n) {
  const [first] = n.members.values();
  const many = n.members.size;
  if (n.external && many === 1) {
    n.name = first.name;
    n.sub = "external";
    if (first.name !== first.address) { // a server's: its port goes below
      n.label = first.address;
      n.detail = `external · port ${first.name.slice(first.name.lastIndexOf(":") + 1)}`;
    }
  } else if (n.external) {
    n.name = n.key.startsWith("net:") ? `${many} in ${n.group}` : n.group;
    n.sub = `external · ${many} endpoints`;
  } else if (n.group) {
    n.name = n.group;
    n.sub = many === 1 ? `PID ${first.pid ?? "unknown"}` : `${many} processes`;
    const commands = countCommands(n);
    if (n.key.startsWith("netns:")) [n.label, n.detail] = [commands, n.name]; // a number says little
    else if (!n.key.startsWith("command:")) n.detail = commands;
  } else {
    n.name = first.name || `PID ${first.pid ?? "unknown"}`;
    n.sub = [first.pid ? `PID ${first.pid}` : "", first.container ?? first.host ?? ""].filter(Boolean).join(" · ");
  }
}

// countCommands returns the commands in a group, those of most processes first.
function countCommands(n) {
  const count = new Map();
  for (const m of n.members.values()) {
    const command = m.command || m.name;
    count.set(command, (count.get(command) ?? 0) + 1);
  }
  const most = [...count].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, 5);
  const rest = count.size > most.length ? ", …" : "";
  return most.map(([command, times]) => (times > 1 ? `${command} ×${times}` : command)).join(", ") + rest;
}

// matches reports whether a node of a scene is found by a search.
export function matches(n, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return false;
  n.words ??= haystack(n);
  return words.every((w) => n.words.includes(w));
}

function haystack(n) {
  const parts = [n.name];
  for (const m of n.members.values()) {
    parts.push(m.name, m.command, m.container, m.host, m.unit, m.pid && `pid ${m.pid}`, m.netns);
  }
  return parts.filter(Boolean).join("\n").toLowerCase();
}

// addPorts makes the ports that servers were connected at part of what a search
// looks through.
export function addPorts(scene) {
  if (scene.searched) return;
  scene.searched = true;
  for (const e of scene.edges.values()) {
    const words = [...e.ports].flatMap(([port, service]) => [`:${port}`, service]).join("\n").toLowerCase();
    e.to.words = `${e.to.words ?? haystack(e.to)}\n${words}`;
  }
}

// neighbourhood returns the keys of the nodes and edges around a node.
export function neighbourhood(scene, key) {
  const near = { nodes: new Set([key]), edges: new Set() };
  for (const e of scene.edges.values()) {
    if (e.from.key !== key && e.to.key !== key) continue;
    near.edges.add(e.key);
    near.nodes.add(e.from.key).add(e.to.key);
  }
  return near;
}

// shortestPath returns the keys on a shortest path between two nodes: along the
// connections if there is one, else with no regard to their direction; null if
// they are not joined.
export function shortestPath(scene, from, to) {
  return search(scene, from, to, true) ?? search(scene, to, from, true) ?? search(scene, from, to, false);
}

function search(scene, from, to, directed) {
  const next = new Map();
  const add = (a, b, e) => (next.get(a) ?? next.set(a, []).get(a)).push([b, e]);
  for (const e of scene.edges.values()) {
    add(e.from.key, e.to.key, e.key);
    if (!directed) add(e.to.key, e.from.key, e.key);
  }
  const came = new Map([[from, null]]);
  const queue = [from];
  for (let i = 0; i < queue.length && !came.has(to); i++) {
    for (const [key, edge] of next.get(queue[i]) ?? []) {
      if (came.has(key)) continue;
      came.set(key, [queue[i], edge]);
      queue.push(key);
    }
  }
  if (!came.has(to)) return null;
  const path = { nodes: new Set([to]), edges: new Set() };
  for (let step = came.get(to); step; step = came.get(step[0])) {
    path.nodes.add(step[0]);
    path.edges.add(step[1]);
  }
  return path;
}
