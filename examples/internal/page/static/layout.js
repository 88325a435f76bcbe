// The layout puts nodes into the cells of a grid: clients to the left, servers to
// the right. A node that has a place keeps it; new nodes get the best place that
// is free. Only tidy moves everything.

export const cell = { w: 300, h: 62 };
export const box = { w: 188, h: 44 };

export class Layout {
  places = new Map(); // key -> {column, row}; rows are counted in halves
  taken = new Map(); // column -> Map of half row -> key
  pins = new Map(); // key -> {x, y}, set by hand
  aspect = 1.5; // width to height that is aimed at

  // shape tells the layout the size of the screen.
  shape({ w, h }) {
    this.aspect = Math.max(0.6, Math.min(2, w / h));
  }

  // position returns the centre of a node.
  position(key) {
    const pin = this.pins.get(key);
    if (pin) return pin;
    const p = this.places.get(key);
    return p ? { x: p.column * cell.w, y: (p.row * cell.h) / 2 } : null;
  }

  // place gives each node of a scene a place, and frees those of nodes that have
  // been gone for long.
  place(scene) {
    const fresh = [...scene.nodes.keys()].filter((key) => !this.places.has(key));
    if (this.places.size > 2 * scene.nodes.size + 200) this.forget(scene);
    if (!fresh.length) return;
    if (fresh.length === scene.nodes.size || fresh.length > 3 * (scene.nodes.size - fresh.length) + 12) {
      this.tidy(scene);
      return;
    }
    const next = neighbours(scene);
    // Those whose neighbours have a place go first; the others find theirs then.
    const known = (key) => [...next.get(key).out, ...next.get(key).in].some((k) => this.places.has(k));
    for (const pass of [known, known, () => true]) {
      for (const key of fresh) if (!this.places.has(key) && pass(key)) this.insert(key, next.get(key));
    }
  }

  // insert puts a node to the free cell that is nearest to where it belongs.
  insert(key, { out, in: into }) {
    const cells = (keys) => [...keys].map((k) => this.places.get(k)).filter(Boolean);
    const servers = cells(out), clients = cells(into);
    const all = [...servers, ...clients];
    let column = 0, row = 0, side = 1;
    if (all.length) row = Math.round(all.reduce((sum, p) => sum + p.row, 0) / all.length);
    else row = this.bottom() + 2;
    if (servers.length) {
      column = Math.min(...servers.map((p) => p.column)) - 1;
      side = -1;
    }
    if (clients.length) {
      const right = Math.max(...clients.map((p) => p.column)) + 1;
      column = servers.length && right > column ? Math.round((right + column) / 2) : right;
      side = servers.length ? side : 1;
    }
    let best = null, cost = Infinity;
    for (let d = 0; d < 6 && d * 5 < cost; d++) {
      const r = this.freeRow(column + side * d, row);
      const c = Math.abs(r - row) + d * 5;
      if (c < cost) [best, cost] = [{ column: column + side * d, row: r }, c];
    }
    this.take(key, best);
  }

  freeRow(column, row) {
    const taken = this.taken.get(column);
    if (!taken) return row;
    const free = (r) => !taken.has(r) && !taken.has(r - 1) && !taken.has(r + 1);
    for (let d = 0; ; d++) {
      if (free(row + d)) return row + d;
      if (free(row - d)) return row - d;
    }
  }

  take(key, place) {
    this.places.set(key, place);
    if (!this.taken.has(place.column)) this.taken.set(place.column, new Map());
    this.taken.get(place.column).set(place.row, key);
  }

  bottom() {
    let most = -2;
    for (const p of this.places.values()) most = Math.max(most, p.row);
    return most;
  }

  forget(scene) {
    for (const [key, p] of this.places) {
      if (scene.nodes.has(key)) continue;
      this.places.delete(key);
      this.taken.get(p.column).delete(p.row);
    }
  }

  // tidy arranges all nodes anew: in layers, each client to the left of its
  // servers, and in an order with few crossings.
  tidy(scene) {
    this.places.clear();
    this.taken.clear();
    if (!scene.nodes.size) return;
    const next = neighbours(scene);
    const layers = order(merge(layer(next), next, this.aspect), next);
    const rows = height(layers, this.aspect);
    // A long chain goes up and down, so that what skips a link is seen.
    const chain = layers.length > 3 && Math.max(...layers.map((keys) => keys.length)) < 4;
    let column = 0;
    layers.forEach((keys, l) => {
      const sway = chain ? [0, 5, -5, 2, -2][l % 5] : 0;
      const columns = Math.ceil(keys.length / rows);
      const most = Math.ceil(keys.length / columns);
      keys.forEach((key, i) => {
        const c = i % columns;
        // Columns of one layer are shifted, so that lines are seen between.
        const shift = columns > 1 && c % 2 ? 1 : 0;
        this.take(key, { column: column + c, row: 2 * Math.floor(i / columns) - (most - 1) + shift + sway });
      });
      column += columns;
    });
  }
}

// merge joins layers that are side by side, small ones first, until there are no
// more than a screen has room for. Where many call each other, a layer is often a
// single node: their line would be long and unreadable. What then stands in one
// column is joined by an arc.
function merge(layers, next, aspect) {
  const nodes = next.size;
  const edges = [...next.values()].reduce((sum, { out }) => sum + out.size, 0);
  const most = Math.max(edges > 2 * nodes ? 6 : 10, Math.round(1.5 * Math.sqrt((aspect * nodes * cell.h) / cell.w)));
  const merged = [...layers];
  while (merged.length > most) {
    let least = 0;
    const size = (i) => merged[i].length + merged[i + 1].length;
    for (let i = 1; i + 1 < merged.length; i++) if (size(i) < size(least)) least = i;
    merged.splice(least, 2, [...merged[least], ...merged[least + 1]]);
  }
  return merged;
}

// height returns how many rows there may be, so that the whole is as large as can
// be on a screen of that aspect.
function height(layers, aspect) {
  let best = 1, least = Infinity;
  const most = Math.max(...layers.map((keys) => keys.length));
  for (let rows = 1; rows <= most; rows++) {
    const columns = layers.reduce((sum, keys) => sum + Math.ceil(keys.length / rows), 0);
    const size = Math.max(columns * cell.w, rows * cell.h * aspect);
    if (size < least) [best, least] = [rows, size];
  }
  return best;
}

function neighbours(scene) {
  const next = new Map();
  for (const key of [...scene.nodes.keys()].sort()) next.set(key, { out: new Set(), in: new Set() });
  for (const e of scene.edges.values()) {
    if (e.from === e.to) continue;
    next.get(e.from.key).out.add(e.to.key);
    next.get(e.to.key).in.add(e.from.key);
  }
  return next;
}

// layer returns the keys in layers: a server is in a later one than its clients,
// but where there is a cycle.
function layer(next) {
  const finished = [], state = new Map(), back = new Set();
  const starts = [...next.keys()].sort((a, b) => next.get(a).in.size - next.get(b).in.size);
  for (const start of starts) visit(start);
  function visit(start) {
    if (state.has(start)) return;
    state.set(start, 1);
    const stack = [[start, next.get(start).out.values()]];
    while (stack.length) {
      const [key, servers] = stack.at(-1);
      const { value, done } = servers.next();
      if (done) {
        stack.pop();
        state.set(key, 2);
        finished.push(key);
      } else if (state.get(value) === 1) {
        back.add(`${key}\n${value}`);
      } else if (!state.has(value)) {
        state.set(value, 1);
        stack.push([value, next.get(value).out.values()]);
      }
    }
  }
  const rank = new Map();
  for (const key of finished.reverse()) {
    let r = 0;
    for (const c of next.get(key).in) if (!back.has(`${c}\n${key}`)) r = Math.max(r, (rank.get(c) ?? 0) + 1);
    rank.set(key, r);
  }
  // Who only connects stands next to its nearest server.
  for (const [key, { out, in: into }] of next) {
    if (!into.size && out.size) rank.set(key, Math.max(0, Math.min(...[...out].map((s) => rank.get(s))) - 1));
  }
  const layers = [];
  for (const [key, r] of rank) (layers[r] ??= []).push(key);
  return layers.filter(Boolean);
}

// order sorts each layer by where the neighbours of its nodes are, forth and
// back a few times.
function order(layers, next) {
  const height = new Map();
  const settle = (keys) => keys.forEach((key, i) => height.set(key, (i + 0.5) / keys.length));
  for (const keys of layers) settle(keys.sort());
  const mean = (key, keys) => (keys.size ? [...keys].reduce((sum, k) => sum + height.get(k), 0) / keys.size : height.get(key));
  for (let sweep = 0; sweep < 6; sweep++) {
    const forth = sweep % 2 === 0;
    for (const keys of forth ? layers : [...layers].reverse()) {
      const at = new Map(keys.map((key) => [key, mean(key, forth ? next.get(key).in : next.get(key).out)]));
      settle(keys.sort((a, b) => at.get(a) - at.get(b)));
    }
  }
  return layers;
}
