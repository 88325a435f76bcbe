// The model is what the server has sent: nodes, edges, and a status.

export class Model {
  nodes = new Map(); // by id
  edges = new Map(); // by id
  status = { now: 0, unit: "time" };

  // apply takes in an update (see wire.go). An edge with more connections than
  // before is marked with the time, and glows for a while.
  apply(update, now) {
    if (update.reset) {
      this.nodes = new Map();
      this.edges = new Map();
    }
    for (const id of update.goneNodes ?? []) this.nodes.delete(id);
    for (const id of update.goneEdges ?? []) this.edges.delete(id);
    for (const n of update.nodes ?? []) this.nodes.set(n.id, n);
    for (const w of update.edges ?? []) {
      const known = this.edges.get(w.id);
      const e = known ?? { id: w.id, client: w.client, server: w.server, connections: 0, glow: -Infinity };
      e.ports = w.ports;
      e.more = w.more;
      e.first = w.first ?? 0;
      this.edges.set(e.id, e);
      count(e, w.counts, update.reset ? -Infinity : now);
    }
    for (const c of update.counts ?? []) {
      const e = this.edges.get(c[0]);
      if (e) count(e, c, now);
    }
    this.status = update.status;
  }

  // copy returns a model that later updates do not change.
  copy() {
    const m = new Model();
    m.nodes = new Map(this.nodes);
    for (const [id, e] of this.edges) m.edges.set(id, { ...e });
    m.status = this.status;
    return m;
  }
}

function count(e, [, connections, open, failed, loopback, sent, received, last], now) {
  if (connections > e.connections) e.glow = now;
  Object.assign(e, { connections, open, failed, loopback, sent, received, last });
}
