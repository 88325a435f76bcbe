// What is seen, as a file.

import { box } from "./layout.js";
import { CanvasPen, curve, drawEdges, drawNodes, fit, head } from "./draw.js";
import { bytes, ports } from "./text.js";

const margin = 40;
const everything = { sees: () => true, seesBox: () => true, heads: true, labels: 400 };

// save offers a file for download.
export function save(name, blob) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60e3);
}

function frame(stage) {
  const b = stage.bounds() ?? { left: 0, right: 1, top: 0, bottom: 1 };
  return { x: b.left - margin, y: b.top - margin, w: b.right - b.left + 2 * margin, h: b.bottom - b.top + 2 * margin };
}

// png returns a picture of the whole graph, as large as a browser can make it.
export function png(stage) {
  const f = frame(stage);
  const scale = Math.min(2, 8000 / f.w, 8000 / f.h);
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(f.w * scale);
  canvas.height = Math.ceil(f.h * scale);
  const c = canvas.getContext("2d");
  c.fillStyle = stage.colours.bg;
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.setTransform(scale, 0, 0, scale, -f.x * scale, -f.y * scale);
  const look = { ...stage.look, ...everything };
  const pen = new CanvasPen(c, 1);
  drawEdges(pen, stage.scene, stage.places, stage.colours, look);
  drawNodes(pen, stage.scene, stage.places, stage.colours, look);
  return new Promise((done, fail) => canvas.toBlob((b) => (b ? done(b) : fail(new Error("the picture is too large"))), "image/png"));
}

// svg returns the same as SVG, in which each node has its name as a title.
export function svg(stage) {
  const f = frame(stage), pen = new SVGPen();
  const look = { ...stage.look, ...everything };
  drawEdges(pen, stage.scene, stage.places, stage.colours, look);
  drawNodes(pen, stage.scene, stage.places, stage.colours, look);
  const view = [f.x, f.y, f.w, f.h].map(Math.round).join(" ");
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="${view}" width="${Math.round(f.w)}" height="${Math.round(f.h)}" font-family="system-ui, sans-serif">
<rect x="${Math.round(f.x)}" y="${Math.round(f.y)}" width="100%" height="100%" fill="${stage.colours.bg}"/>
${pen.out.join("\n")}
</svg>
`;
}

// xml returns text for use in XML. The server has made what XML cannot hold
// visible already.
export const xml = (s) => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const round = (n) => Math.round(n * 10) / 10;

class SVGPen {
  out = [];
  pixel = Infinity; // lines are as wide as they should be
  size = { name: 14, sub: 11, label: 11 };
  measure = document.createElement("canvas").getContext("2d");

  curves({ colour, width, dotted, alpha, curves }) {
    const paths = [], heads = [];
    for (const p of curves) {
      const [x0, y0, ...rest] = p.map(round);
      paths.push(`M${x0} ${y0}C${rest.join(" ")}`);
      const [l, r] = head(p, width);
      heads.push(`M${rest[4]} ${rest[5]}L${l.map(round).join(" ")}L${r.map(round).join(" ")}Z`);
    }
    const dash = dotted ? ' stroke-dasharray="2 5"' : "";
    this.out.push(`<path d="${paths.join("")}" fill="none" stroke="${colour}" stroke-width="${width}" opacity="${alpha}"${dash}/>`);
    this.out.push(`<path d="${heads.join("")}" fill="${colour}" opacity="${alpha}"/>`);
  }

  #text(text, x, y, size, fill, weight = 400) {
    this.out.push(`<text x="${round(x)}" y="${round(y)}" font-size="${size}" font-weight="${weight}" text-anchor="middle" dominant-baseline="central" fill="${fill}">${xml(text)}</text>`);
  }

  label(text, x, y, colours) {
    this.measure.font = "11px system-ui, sans-serif";
    const w = this.measure.measureText(text).width + 6;
    this.out.push(`<rect x="${round(x - w / 2)}" y="${round(y - 8)}" width="${round(w)}" height="16" fill="${colours.bg}" opacity="0.85"/>`);
    this.#text(text, x, y, 11, colours.fg);
  }

  node(n, o) {
    const { x, y, left: l, right: r } = o, { w, h } = box;
    const shape = `M${x + l} ${y}H${x + w - r}A${r} ${r} 0 0 1 ${x + w} ${y + r}V${y + h - r}A${r} ${r} 0 0 1 ${x + w - r} ${y + h}H${x + l}A${l} ${l} 0 0 1 ${x} ${y + h - l}V${y + l}A${l} ${l} 0 0 1 ${x + l} ${y}Z`;
    const dash = o.dashed ? ' stroke-dasharray="5 4"' : "";
    this.out.push(`<g opacity="${o.alpha}"><title>${xml(n.title)}</title><path d="${shape}" fill="${o.fill}" stroke="${o.stroke}" stroke-width="${o.width}"${dash}/>`);
    const c = this.measure;
    c.font = "600 14px system-ui, sans-serif";
    this.#text(fit(c, n.name, w - 16), x + w / 2, y + (n.sub ? h * 0.36 : h / 2), 14, o.colours.fg, 600);
    c.font = "11px system-ui, sans-serif";
    if (n.sub) this.#text(fit(c, n.sub, w - 16), x + w / 2, y + h * 0.74, 11, o.colours.muted);
    this.out.push("</g>");
  }
}

// quote returns a quoted string of the DOT language that shows text as it is.
const quote = (s) => `"${s.replace(/&/g, "&amp;").replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;

// dot returns the graph in the DOT language.
export function dot(scene) {
  const ids = new Map([...scene.nodes.keys()].sort().map((key, i) => [key, `n${i}`]));
  const lines = ["digraph connections {", '  rankdir="LR";', '  node [fontname="Helvetica"];', '  edge [fontname="Helvetica" fontsize="10"];'];
  for (const [key, id] of ids) {
    const n = scene.nodes.get(key);
    const style = n.external ? ' style="dashed"' : "";
    lines.push(`  ${id} [label=${quote(`${n.name}\n${n.sub}`)} shape="${n.server ? "box" : "ellipse"}" peripheries="${n.server && n.client ? 2 : 1}"${style}];`);
  }
  for (const e of scene.edges.values()) {
    const label = ports(e, 3) + (e.connections > 1 ? ` ×${e.connections}` : "");
    const tip = `${e.connections} connections, ${e.open} open, ${e.failed} failed, ${bytes(e.sent)} sent, ${bytes(e.received)} received`;
    lines.push(`  ${ids.get(e.from.key)} -> ${ids.get(e.to.key)} [label=${quote(label)} tooltip=${quote(tip)}${e.connections ? "" : ' style="dotted"'}];`);
  }
  return `${lines.join("\n")}\n}\n`;
}
