// The stage shows the graph on two canvases: what has changed lately glows on
// the lower one, which is drawn again while it does; the upper one is drawn when
// something on it is different.

import { box } from "./layout.js";
import { CanvasPen, along, curve, drawEdges, drawNodes, strokeCurves, theme } from "./draw.js";
import { ports, bytes, number } from "./text.js";

const glowTime = 1600; // milliseconds
const glowStep = 100; // milliseconds between two drawings of the glow, which has four strengths
const manyGlow = 200; // edges
const zooms = { least: 0.03, most: 4 };

export class Stage {
  scene = { nodes: new Map(), edges: new Map() };
  camera = { x: 0, y: 0, k: 1 };
  auto = true; // the camera follows the graph
  look = {}; // lit, found, selected
  frames = []; // the times that drawing took, in milliseconds; the latest 600
  #dirty = false;
  #waiting = false;
  #glowing = 0; // edges
  #glowTimer = 0;

  // handlers: select(key|null), moved(), pinned(key)
  constructor(root, layout, handlers) {
    this.root = root;
    this.layout = layout;
    this.handlers = handlers;
    this.canvas = root.querySelector("#graph");
    this.under = root.querySelector("#glow");
    this.tip = root.querySelector("#tip");
    this.colours = theme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = theme();
      this.draw();
    });
    new ResizeObserver(() => this.resize()).observe(root);
    this.#listen();
    this.resize();
  }

  resize() {
    const { width, height } = this.root.getBoundingClientRect();
    this.size = { w: Math.max(1, width), h: Math.max(1, height) };
    this.ratio = Math.min(devicePixelRatio || 1, 2);
    for (const c of [this.canvas, this.under]) {
      c.width = Math.round(this.size.w * this.ratio);
      c.height = Math.round(this.size.h * this.ratio);
    }
    this.layout.shape(this.size);
    if (this.auto) this.fit();
    this.draw();
  }

  // show takes a new scene.
  show(scene) {
    this.scene = scene;
    if (this.auto) this.fit();
    this.draw();
  }

  // draw asks for the upper canvas to be drawn again.
  draw() {
    this.#dirty = true;
    this.#ask();
  }

  #ask() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame((now) => {
      this.#waiting = false;
      const start = performance.now();
      this.#frame(now);
      this.frames.push(performance.now() - start);
      if (this.frames.length > 600) this.frames.shift();
    });
  }

  #frame(now) {
    if (this.#dirty) {
      this.#dirty = false;
      const c = this.#begin(this.canvas);
      const pen = new CanvasPen(c, this.camera.k, this.ratio);
      const look = { ...this.look, ...this.#sight(), pins: this.layout.pins, heads: this.camera.k > 0.3, labels: this.camera.k > 0.5 ? 80 : 0 };
      drawEdges(pen, this.scene, this.places, this.colours, look);
      drawNodes(pen, this.scene, this.places, this.colours, look);
    }
    this.#drawGlow(now);
    if (!this.#glowing || this.#glowTimer) return;
    this.#glowTimer = setTimeout(() => {
      this.#glowTimer = 0;
      this.#ask();
    }, glowStep);
  }

  places = (key) => this.layout.position(key);

  #begin(canvas) {
    const c = canvas.getContext("2d");
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, canvas.width, canvas.height);
    const k = this.camera.k * this.ratio;
    c.setTransform(k, 0, 0, k, canvas.width / 2 - this.camera.x * k, canvas.height / 2 - this.camera.y * k);
    return c;
  }

  // #sight returns what tells whether something is within the canvas.
  #sight() {
    const { x, y, k } = this.camera;
    const w = this.size.w / 2 / k, h = this.size.h / 2 / k;
    const out = (least, most, at, half) => most < at - half || least > at + half;
    return {
      sees: (p) => !out(Math.min(p[0], p[2], p[4], p[6]), Math.max(p[0], p[2], p[4], p[6]), x, w) && !out(Math.min(p[1], p[3], p[5], p[7]), Math.max(p[1], p[3], p[5], p[7]), y, h),
      seesBox: (p) => !out(p.x - box.w, p.x + box.w, x, w) && !out(p.y - box.h, p.y + box.h, y, h),
    };
  }

  // #drawGlow draws what is new, in four strengths.
  #drawGlow(now) {
    const c = this.#begin(this.under);
    const { sees } = this.#sight();
    const strengths = [[], [], [], []];
    this.#glowing = 0;
    for (const e of this.scene.edges.values()) {
      const age = (now - e.glow) / glowTime;
      if (!(age < 1)) continue;
      this.#glowing++;
      const p = curve(e, this.places);
      if (p && sees(p)) strengths[Math.min(3, Math.max(0, Math.floor(age * 4)))].push(p);
    }
    c.strokeStyle = this.colours.glow;
    c.lineCap = "round";
    strengths.forEach((curves, i) => {
      if (!curves.length) return;
      c.globalAlpha = 0.75 - i * 0.19;
      // The thinnest lines are drawn many times as fast as others.
      c.lineWidth = this.#glowing > manyGlow ? 0.9 / this.camera.k / this.ratio : Math.max(8 - i, 2 / this.camera.k);
      strokeCurves(c, curves, c.lineWidth * this.camera.k * this.ratio);
    });
    c.globalAlpha = 1;
  }

  // bounds returns the rectangle that holds all nodes, or null.
  bounds() {
    let b = null;
    for (const key of this.scene.nodes.keys()) {
      const p = this.places(key);
      if (!p) continue;
      b ??= { left: p.x, right: p.x, top: p.y, bottom: p.y };
      b.left = Math.min(b.left, p.x);
      b.right = Math.max(b.right, p.x);
      b.top = Math.min(b.top, p.y);
      b.bottom = Math.max(b.bottom, p.y);
    }
    return b && { left: b.left - box.w / 2, right: b.right + box.w / 2, top: b.top - box.h / 2, bottom: b.bottom + box.h / 2 };
  }

  // fit moves the camera so that everything is seen.
  fit() {
    const b = this.bounds();
    if (!b) return;
    const k = Math.min((0.92 * this.size.w - 10) / (b.right - b.left), (0.92 * this.size.h - 20) / (b.bottom - b.top), 1.4 * Math.max(1, this.size.w / 1600));
    this.camera = { x: (b.left + b.right) / 2, y: (b.top + b.bottom) / 2, k: Math.max(k, zooms.least) };
    this.draw();
  }

  // centre moves the camera to a node.
  centre(key) {
    const p = this.places(key);
    if (p) this.move({ x: p.x, y: p.y, k: Math.max(this.camera.k, 0.8) });
  }

  // move sets the camera by hand: it does not follow the graph any more.
  move(camera) {
    this.auto = false;
    this.camera = { ...camera, k: Math.min(Math.max(camera.k, zooms.least), zooms.most) };
    this.draw();
    this.handlers.moved();
  }

  // zoom changes the scale, and leaves the point (x, y) of the canvas in place.
  zoom(factor, x = this.size.w / 2, y = this.size.h / 2) {
    const at = this.#world(x, y);
    const k = Math.min(Math.max(this.camera.k * factor, zooms.least), zooms.most);
    this.move({ x: at.x - (x - this.size.w / 2) / k, y: at.y - (y - this.size.h / 2) / k, k });
  }

  pan(dx, dy) {
    const { x, y, k } = this.camera;
    this.move({ x: x - dx / k, y: y - dy / k, k });
  }

  #world(x, y) {
    const { camera: m, size } = this;
    return { x: m.x + (x - size.w / 2) / m.k, y: m.y + (y - size.h / 2) / m.k };
  }

  // screen returns where on the canvas the centre of a node is.
  screen(key) {
    const p = this.places(key), m = this.camera;
    return p && { x: (p.x - m.x) * m.k + this.size.w / 2, y: (p.y - m.y) * m.k + this.size.h / 2 };
  }

  nodeAt(x, y) {
    const at = this.#world(x, y);
    for (const n of this.scene.nodes.values()) {
      const p = this.places(n.key);
      if (p && Math.abs(p.x - at.x) <= box.w / 2 && Math.abs(p.y - at.y) <= box.h / 2) return n;
    }
    return null;
  }

  edgeAt(x, y) {
    const at = this.#world(x, y), near = 6 / this.camera.k;
    let best = null, least = near;
    for (const e of this.scene.edges.values()) {
      const c = curve(e, this.places);
      if (!c || at.x < Math.min(c[0], c[2], c[4], c[6]) - near || at.x > Math.max(c[0], c[2], c[4], c[6]) + near || at.y < Math.min(c[1], c[3], c[5], c[7]) - near || at.y > Math.max(c[1], c[3], c[5], c[7]) + near) continue;
      let from = [c[0], c[1]];
      for (let i = 1; i <= 16; i++) {
        const to = along(c, i / 16);
        const d = distance(at, from, to);
        if (d < least) [best, least] = [e, d];
        from = to;
      }
    }
    return best;
  }

  #listen() {
    const { canvas } = this;
    const pointers = new Map();
    let drag = null, moved = 0, apart = 0;
    const at = (ev) => {
      const r = canvas.getBoundingClientRect();
      return { x: ev.clientX - r.left, y: ev.clientY - r.top };
    };
    canvas.addEventListener("pointerdown", (ev) => {
      canvas.setPointerCapture(ev.pointerId);
      const p = at(ev);
      pointers.set(ev.pointerId, p);
      moved = pointers.size > 1 ? Infinity : 0;
      drag = pointers.size === 1 ? this.nodeAt(p.x, p.y)?.key : null;
      apart = spread(pointers);
    });
    canvas.addEventListener("pointermove", (ev) => {
      const p = at(ev), last = pointers.get(ev.pointerId);
      if (!last) return this.#hover(p);
      pointers.set(ev.pointerId, p);
      if (pointers.size > 1) {
        const now = spread(pointers), mid = middle(pointers);
        this.zoom(now / (apart || now), mid.x, mid.y);
        apart = now;
        return;
      }
      moved += Math.hypot(p.x - last.x, p.y - last.y);
      if (moved < 4) return;
      this.tip.hidden = true;
      if (!drag) return this.pan(p.x - last.x, p.y - last.y);
      this.auto = false;
      const to = this.places(drag);
      if (to) this.layout.pins.set(drag, { x: to.x + (p.x - last.x) / this.camera.k, y: to.y + (p.y - last.y) / this.camera.k });
      this.draw();
    });
    const up = (ev) => {
      const p = pointers.get(ev.pointerId);
      pointers.delete(ev.pointerId);
      apart = spread(pointers);
      if (!p || ev.type === "pointercancel") return;
      if (moved < 4) this.handlers.select(this.nodeAt(p.x, p.y)?.key ?? null);
      else if (drag) this.handlers.pinned(drag);
      drag = null;
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    canvas.addEventListener("wheel", (ev) => {
      ev.preventDefault();
      const p = at(ev);
      this.zoom(Math.exp(-Math.max(-60, Math.min(60, ev.deltaY)) / 240), p.x, p.y);
    }, { passive: false });
  }

  // #hover shows what is under the pointer.
  #hover(p) {
    const n = this.nodeAt(p.x, p.y), e = n ? null : this.edgeAt(p.x, p.y);
    this.canvas.classList.toggle("over", !!n);
    this.tip.hidden = !n && !e;
    if (this.tip.hidden) return;
    this.tip.textContent = n ? `${n.name}\n${n.sub}\n${number(n.connections)} connections, ${number(n.open)} open` : describe(e);
    const { w, h } = this.size;
    this.tip.style.left = `${Math.max(4, Math.min(p.x + 14, w - this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${Math.max(4, Math.min(p.y + 14, h - this.tip.offsetHeight - 8))}px`;
  }
}

function describe(e) {
  const lines = [`${e.from.name} → ${e.to.name}`, `port ${ports(e, 8)}`, `${number(e.connections)} connections, ${number(e.open)} open`];
  if (e.failed) lines.push(`${number(e.failed)} attempts failed`);
  if (e.sent || e.received) lines.push(`${bytes(e.sent)} sent, ${bytes(e.received)} received`);
  return lines.join("\n");
}

function distance(p, [ax, ay], [bx, by]) {
  const dx = bx - ax, dy = by - ay, d = dx * dx + dy * dy || 1;
  const t = Math.max(0, Math.min(1, ((p.x - ax) * dx + (p.y - ay) * dy) / d));
  return Math.hypot(p.x - ax - t * dx, p.y - ay - t * dy);
}

function spread(pointers) {
  const [a, b] = pointers.values();
  return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
}

function middle(pointers) {
  const [a, b] = pointers.values();
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
