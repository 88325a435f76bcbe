// The state of the view: what a person has chosen. It is in the URL, so that a
// view can be sent to somebody who has the same trace.

const texts = ["by", "q", "external", "show", "select", "path"];

export function initial() {
  return { by: "", q: "", external: "", show: "", select: "", path: "", loopback: true, hide: new Set(), pins: new Map(), at: null, camera: null };
}

// parse reads a state from the fragment of a URL. What it does not understand
// it leaves out.
export function parse(hash) {
  const s = initial();
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  for (const key of texts) s[key] = params.get(key) ?? "";
  s.loopback = params.get("loopback") !== "0";
  for (const key of params.getAll("hide")) s.hide.add(key);
  for (const pin of params.getAll("pin")) {
    const m = /^(-?\d+),(-?\d+),(.+)$/s.exec(pin);
    if (m) s.pins.set(m[3], { x: Number(m[1]), y: Number(m[2]) });
  }
  const at = params.get("at");
  if (at && /^\d+$/.test(at)) s.at = Number(at);
  const camera = (params.get("camera") ?? "").split(",").map(Number);
  if (camera.length === 3 && camera.every(Number.isFinite) && camera[2] > 0) s.camera = { x: camera[0], y: camera[1], k: camera[2] };
  return s;
}

// format is the inverse of parse. Defaults are left out.
export function format(s) {
  const params = new URLSearchParams();
  for (const key of texts) if (s[key]) params.set(key, s[key]);
  if (!s.loopback) params.set("loopback", "0");
  for (const key of s.hide) params.append("hide", key);
  for (const [key, p] of s.pins) params.append("pin", `${Math.round(p.x)},${Math.round(p.y)},${key}`);
  if (s.at !== null) params.set("at", String(s.at));
  if (s.camera) params.set("camera", [Math.round(s.camera.x), Math.round(s.camera.y), s.camera.k.toFixed(3)].join(","));
  return params.toString();
}
