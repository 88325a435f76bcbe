// Drawing a scene with a pen: that of a canvas (CanvasPen) or that which writes
// SVG (in export.js).

import { box } from "./layout.js";
import { ports } from "./text.js";

// theme returns the colours of the style sheet.
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const colours = {};
  for (const name of ["bg", "panel", "fg", "muted", "accent", "server", "client", "external", "stroke", "edge", "closed", "failed", "glow"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return colours;
}

// curve returns the points of the Bézier curve of an edge, from the side of its
// client's box to the side of its server's. places gives the centre of a node.
export function curve(e, places) {
  const a = places(e.from.key), b = places(e.to.key);
  if (!a || !b) return null;
  const w = box.w / 2;
  if (e.from === e.to) {
    const x = a.x + w - 26, y = a.y - box.h / 2;
    return [x, y, x - 4, y - 34, x + 44, y - 26, a.x + w, a.y - 6];
  }
  const dx = b.x - a.x;
  if (Math.abs(dx) < box.w + 16) {
    const out = w + 46 + Math.min(60, Math.abs(b.y - a.y) / 12);
    return [a.x + w, a.y, a.x + out, a.y, b.x + out, b.y, b.x + w, b.y];
  }
  const s = Math.sign(dx), bend = Math.min(Math.max(40, (Math.abs(dx) - box.w) * 0.5), 240);
  return [a.x + s * w, a.y, a.x + s * (w + bend), a.y, b.x - s * (w + bend), b.y, b.x - s * w, b.y];
}

// along returns the point of a curve at t between 0 and 1.
export function along([x0, y0, x1, y1, x2, y2, x3, y3], t) {
  const u = 1 - t;
  const f = (a, b, c, d) => u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
  return [f(x0, x1, x2, x3), f(y0, y1, y2, y3)];
}

// strokeCurves strokes curves that are alike, width pixels wide. Measured without
// a graphics processor, two thousand lines of a pixel take 20 ms in one path; wider
// ones take 60 ms each by itself, and 200 ms in one path.
export function strokeCurves(c, curves, width) {
  const each = width > 1;
  c.beginPath();
  for (const p of curves) {
    if (each) c.beginPath();
    c.moveTo(p[0], p[1]);
    c.bezierCurveTo(p[2], p[3], p[4], p[5], p[6], p[7]);
    if (each) c.stroke();
  }
  if (!each) c.stroke();
}

const width = (n) => (n > 1000 ? 4.5 : n > 100 ? 3.4 : n > 10 ? 2.4 : 1.5);

// drawEdges draws edges in few strokes, one for all that look alike. look has
// the emphasised keys, if any, and what is in sight.
export function drawEdges(pen, scene, places, colours, look) {
  const strokes = new Map();
  const labels = [];
  const dense = scene.edges.size > 700;
  for (const e of scene.edges.values()) {
    const c = curve(e, places);
    if (!c || !look.sees(c)) continue;
    const lit = look.lit?.edges.has(e.key), dim = look.lit && !lit;
    const kind = !e.connections ? "failed" : e.open || look.alive?.(e) ? "edge" : "closed";
    const colour = lit ? "accent" : kind;
    const wide = (kind === "closed" ? 1 : width(e.connections)) + (lit ? 0.8 : 0);
    const w = dense && !lit ? Math.min(wide, pen.pixel) : wide;
    const key = `${dim ? 0 : lit ? 2 : 1}${colour}${w}${kind}`;
    let s = strokes.get(key);
    if (!s) strokes.set(key, (s = { colour: colours[colour], width: w, dotted: kind === "failed", alpha: dim ? 0.15 : dense && !lit ? 0.45 : 0.85, curves: [], top: !!lit }));
    s.curves.push(c);
    if (look.labels && !dim && (lit || scene.edges.size <= look.labels)) labels.push([e, c]);
  }
  const ordered = [...strokes.values()].sort((a, b) => a.top - b.top);
  for (const s of ordered) pen.curves(s, look.heads);
  // Where labels would cover each other, that of more connections is shown.
  const taken = [];
  if (labels.length) {
    for (const key of scene.nodes.keys()) {
      const p = places(key);
      if (p) taken.push({ ...p, half: box.w / 2, high: box.h / 2 + 0.8 * pen.size.label });
    }
  }
  for (const [e, c] of labels.sort(([a], [b]) => b.connections - a.connections)) {
    const times = e.connections > 1 ? ` ×${e.connections}` : !e.connections ? ` ×${e.failed} failed` : "";
    const numbers = [...e.ports.keys()];
    const short = numbers.slice(0, 2).join(", ") + (numbers.length > 2 ? ", …" : "") + times;
    const free = (x, y, half) => taken.every((r) => Math.abs(r.x - x) >= r.half + half || Math.abs(r.y - y) >= r.high);
    place: for (const text of [ports(e, 2) + times, short]) {
      const half = pen.size.label * 0.28 * text.length + 3;
      for (const t of e.from === e.to ? [0.5] : [0.6, 0.5, 0.7, 0.4, 0.8, 0.3]) {
        const [x, y] = along(c, t);
        if (!free(x, y, half)) continue;
        taken.push({ x, y, half, high: 1.5 * pen.size.label });
        pen.label(text, x, y, colours);
        break place;
      }
    }
  }
}

// drawNodes draws the boxes and their text.
export function drawNodes(pen, scene, places, colours, look) {
  for (const n of scene.nodes.values()) {
    const p = places(n.key);
    if (!p || !look.seesBox(p)) continue;
    const lit = look.lit?.nodes.has(n.key), dim = look.lit && !lit;
    const found = look.found?.has(n.key);
    const chosen = look.selected === n.key;
    pen.node({ name: n.label ?? n.name, sub: n.detail ?? n.sub, title: `${n.name} ${n.sub}` }, {
      x: p.x - box.w / 2,
      y: p.y - box.h / 2,
      fill: colours[n.external ? "external" : n.server ? "server" : "client"],
      stroke: colours[chosen || found ? "accent" : n.connections || !n.failed ? "stroke" : "failed"],
      width: chosen || found ? 3.5 : n.external ? 1.3 : 1.5,
      left: n.client ? box.h / 2 : 3,
      right: n.server ? 3 : box.h / 2,
      dashed: n.external,
      alpha: dim || (look.found && !found && !chosen) ? 0.4 : n.open || look.alive?.(n) ? 1 : 0.62,
      pinned: look.pins?.has(n.key),
      colours,
    });
  }
}

// CanvasPen draws on a canvas whose transform is that of the camera.
export class CanvasPen {
  // ratio is how many pixels there are to a unit of the screen.
  constructor(context, scale, ratio = 1) {
    this.c = context;
    this.scale = scale;
    this.pixel = 1 / (scale * ratio);
    // Text is no smaller than can be read, and what has no room then is left out.
    this.size = { name: Math.max(14, Math.min(10 / scale, 30)), sub: Math.max(11, 8.5 / scale), label: Math.max(11, 9 / scale) };
    this.small = scale >= 0.5;
  }

  curves({ colour, width, dotted, alpha, curves }, heads) {
    const c = this.c;
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = Math.max(width, 0.7 / this.scale);
    c.setLineDash(dotted ? [2, 5] : []);
    strokeCurves(c, curves, c.lineWidth / this.pixel);
    c.setLineDash([]);
    if (heads) {
      c.beginPath();
      for (const p of curves) {
        const [l, r] = head(p, width);
        c.moveTo(p[6], p[7]);
        c.lineTo(l[0], l[1]);
        c.lineTo(r[0], r[1]);
      }
      c.fill();
    }
    c.globalAlpha = 1;
  }

  label(text, x, y, colours) {
    const c = this.c;
    c.font = `${this.size.label}px system-ui, sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    const w = c.measureText(text).width + 6;
    c.globalAlpha = 0.85;
    c.fillStyle = colours.bg;
    c.fillRect(x - w / 2, y - 0.7 * this.size.label, w, 1.4 * this.size.label);
    c.globalAlpha = 1;
    c.fillStyle = colours.fg;
    c.fillText(text, x, y);
  }

  node(n, o) {
    const c = this.c;
    c.beginPath();
    c.roundRect(o.x, o.y, box.w, box.h, [o.left, o.right, o.right, o.left]);
    if (o.alpha < 1) { // what is behind is not seen through it
      c.fillStyle = o.colours.bg;
      c.fill();
    }
    c.globalAlpha = o.alpha;
    c.fillStyle = o.fill;
    c.fill();
    c.lineWidth = Math.max(o.width, 0.8 / this.scale);
    c.strokeStyle = o.stroke;
    if (o.dashed) c.setLineDash([5, 4]);
    c.stroke();
    if (o.dashed) c.setLineDash([]);
    if (this.size.name * this.scale < 5) {
      c.globalAlpha = 1;
      return;
    }
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillStyle = o.colours.fg;
    c.font = `600 ${this.size.name}px system-ui, sans-serif`;
    const x = o.x + box.w / 2, two = this.small && n.sub;
    c.fillText(fit(c, n.name, box.w - 16), x, o.y + (two ? box.h * 0.36 : box.h / 2));
    if (two) {
      c.font = `${this.size.sub}px system-ui, sans-serif`;
      c.fillStyle = o.colours.muted;
      c.fillText(fit(c, n.sub, box.w - 16), x, o.y + box.h * 0.74);
    }
    if (o.pinned) {
      c.beginPath();
      c.arc(o.x + box.w - 8, o.y + 8, 3.5, 0, 2 * Math.PI);
      c.fillStyle = o.colours.accent;
      c.fill();
    }
    c.globalAlpha = 1;
  }
}

// head returns the two rear corners of the head of an arrow.
export function head(p, width) {
  const [bx, by] = along(p, 0.97);
  const d = Math.hypot(p[6] - bx, p[7] - by) || 1;
  const ux = (p[6] - bx) / d, uy = (p[7] - by) / d, size = 6 + 1.5 * width;
  const x = p[6] - ux * size, y = p[7] - uy * size, side = size * 0.42;
  return [[x - uy * side, y + ux * side], [x + uy * side, y - ux * side]];
}

const fitted = new Map(); // text that was shortened, and to what

// fit shortens text to a width.
export function fit(c, text, width) {
  const key = `${c.font}\n${text}`;
  let short = fitted.get(key);
  if (short !== undefined) return short;
  short = text.slice(0, 200);
  if (c.measureText(short).width > width) {
    let low = 0, high = short.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (c.measureText(`${short.slice(0, middle)}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    short = `${short.slice(0, low)}…`;
  }
  if (fitted.size > 5000) fitted.clear();
  fitted.set(key, short);
  return short;
}
