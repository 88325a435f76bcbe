// The panel at the side: a table of all nodes, which holds what the graph shows
// for those who do not see it, and the details of one.

import { Table } from "./table.js";
import { ask, post } from "./stream.js";
import { bytes, clock, duration, element, number, plural, ports, time } from "./text.js";

const $ = (id) => document.getElementById(id);

export class Panel {
  #asked = ""; // what the details are of, as far as the server was asked
  #askedAt = 0;
  #later = 0; // the timer of the next question
  #shown = ""; // the node that the details are of

  // choose is called with the key of a node.
  constructor(choose) {
    this.list = new Table($("list"), "Processes and peers", [
      { name: "Name", value: (n) => n.name.toLowerCase(), text: (n) => n.name, choose: (n) => choose(n.key) },
      { name: "What", value: (n) => n.sub },
      { name: "Role", value: role },
      { name: "Conns", value: (n) => n.connections, text: (n) => number(n.connections), numeric: true },
      { name: "Open", value: (n) => n.open, text: (n) => number(n.open), numeric: true },
    ], { sort: 3, descending: true });
    this.peers = new Table($("peers"), "Peers", [
      { name: "Peer", value: (r) => r.name.toLowerCase(), text: (r) => r.name, choose: (r) => choose(r.node) },
      { name: "Role", value: (r) => r.direction },
      { name: "Port", value: (r) => Math.min(...r.edge.ports.keys()), text: (r) => ports(r.edge, 4) },
      { name: "Conns", value: (r) => r.edge.connections, text: (r) => number(r.edge.connections), numeric: true },
      { name: "Open", value: (r) => r.edge.open, text: (r) => number(r.edge.open), numeric: true },
      { name: "Failed", value: (r) => r.edge.failed, text: (r) => number(r.edge.failed), numeric: true, optional: true },
      { name: "Out", value: (r) => r.out, text: (r) => bytes(r.out), numeric: true },
      { name: "In", value: (r) => r.in, text: (r) => bytes(r.in), numeric: true },
      { name: "Last", value: (r) => r.edge.last, text: (r) => time(r.edge.last), optional: true },
    ], { sort: 3, descending: true });
    this.connections = new Table($("connections"), "Latest connections", [
      { name: "Opened", value: (c) => c.opened || c.closed || 0, text: (c) => time(c.opened || c.closed), optional: true },
      { name: "Client", value: (c) => c.client },
      { name: "Server", value: (c) => c.server },
      { name: "State", value: (c) => c.state },
      { name: "Lasted", value: (c) => c.duration ?? 0, text: (c) => (c.state === "open" ? "" : duration(c.duration ?? 0)), numeric: true },
      { name: "Sent", value: (c) => c.sent ?? 0, text: (c) => bytes(c.sent ?? 0), numeric: true },
      { name: "Received", value: (c) => c.received ?? 0, text: (c) => bytes(c.received ?? 0), numeric: true },
    ], { sort: 0, descending: true, limit: 25 });
    this.members = new Table($("members"), "In this group", [
      { name: "Name", value: (n) => n.name },
      { name: "PID", value: (n) => n.pid ?? 0, text: (n) => n.pid ?? "", numeric: true },
      { name: "Where", value: (n) => n.container ?? n.host ?? n.address ?? "" },
    ]);
  }

  // show brings the panel up to date. found is the set of keys that a search
  // found, or null; until is where the slider is, or 0.
  show(scene, selected, found, until) {
    const n = scene.nodes.get(selected);
    if (n && n.key !== this.#shown) {
      this.#shown = n.key;
      for (const table of [this.peers, this.connections, this.members]) table.reset();
    }
    $("details").hidden = !n;
    $("list").hidden = !!n;
    if (!n) {
      clearTimeout(this.#later);
      this.#asked = "";
      const nodes = [...scene.nodes.values()];
      this.list.update(found ? nodes.filter((m) => found.has(m.key)) : nodes, selected);
      return;
    }
    $("name").textContent = n.name;
    $("kind").textContent = [n.sub, role(n), plural(n.connections, "connection"), `${number(n.open)} open`].join(" · ");
    const rows = [], edges = [];
    for (const e of scene.edges.values()) {
      if (e.from !== n && e.to !== n) continue;
      edges.push(...e.ids);
      const out = e.from === n;
      const peer = out ? e.to : e.from;
      rows.push({ key: e.key, node: peer.key, name: peer.name, edge: e, direction: e.from === e.to ? "itself" : out ? "→ server" : "← client", out: out ? e.sent : e.received, in: out ? e.received : e.sent });
    }
    this.peers.update(rows);
    $("members").hidden = n.members.size < 2;
    if (n.members.size > 1) this.members.update([...n.members.values()].map((m) => ({ ...m, key: String(m.id) })));
    this.#askAbout(n, edges, until);
  }

  // #askAbout gets from the server what is not in the scene, not more often than
  // once in two seconds for the same node, but then what came meanwhile as well.
  async #askAbout(n, edges, until) {
    const what = `${n.key}\n${until}`, now = Date.now(), left = this.#askedAt + 2000 - now;
    clearTimeout(this.#later);
    if (what === this.#asked && left > 0) {
      this.#later = setTimeout(() => this.#askAbout(n, edges, until), left);
      return;
    }
    if (what !== this.#asked) {
      $("facts").replaceChildren();
      this.connections.update([]);
    }
    this.#asked = what;
    this.#askedAt = now;
    try {
      const [first] = n.members.values();
      const [d, c] = await Promise.all([
        n.members.size === 1 ? ask(`api/node?id=${first.id}`) : null,
        post("api/connections", { edges, until }).then((r) => r.json()),
      ]);
      if (this.#asked !== what) return;
      $("facts").replaceChildren(...facts(first, d));
      // Of those that are equal otherwise, the newest comes first.
      this.connections.update((c.connections ?? []).map((row) => ({ ...row, key: -row.id })));
    } catch {
      // The server is away, or the node is gone: what is shown stays.
    }
  }
}

function role(n) {
  return n.client && n.server ? "client, server" : n.server ? "server" : "client";
}

// facts returns the terms and descriptions of what is known of a node.
function facts(n, d) {
  if (!d) return [];
  const rows = [
    ["PID", n.pid], ["Program", d.exe], ["Arguments", d.args?.join(" ")], ["User id", d.user],
    ["Started", d.started ? clock(d.started) : ""], ["Unit", n.unit], ["Container", n.container], ["Host", n.host],
    ["Network namespace", n.netns], ["Control group", d.cgroup],
    ["Addresses", d.addresses.join(", ") + (d.moreAddresses ? ", …" : "")],
  ];
  return rows.filter(([, v]) => v).flatMap(([k, v]) => [element("dt", k), element("dd", String(v))]);
}
