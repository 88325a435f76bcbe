// The past: what the edges were like at each step of the slider.

import { ask } from "./stream.js";

export class Past {
  // load asks the server for what it has kept.
  static async load() {
    const p = new Past();
    Object.assign(p, await ask("api/history"));
    p.samples = new Map(p.edges.map((e) => [e.id, e.samples]));
    p.edges = null;
    p.steps = Math.floor((p.end - p.start) / p.width);
    return p;
  }

  step(at) {
    return Math.max(0, Math.min(this.steps, Math.floor((at - this.start) / this.width)));
  }

  // at returns a function that returns an edge as it was at the end of a step,
  // or null if it was not there yet. What changed in that step glows.
  at(step) {
    const glow = performance.now();
    return (edge) => {
      const s = this.samples.get(edge.id);
      if (!s) return null;
      let low = 0, high = s.length / 4; // the first sample after the step
      while (low < high) {
        const middle = (low + high) >> 1;
        if (s[4 * middle] > step) high = middle;
        else low = middle + 1;
      }
      if (!low) return null;
      const [when, connections, open, failed] = s.slice(4 * low - 4, 4 * low);
      const fresh = when === step && connections > (low > 1 ? s[4 * low - 7] : 0);
      const last = this.unit === "time" ? this.start + (when + 1) * this.width : 0;
      const whole = connections === edge.connections && open === edge.open;
      return {
        ...edge, connections, open, failed,
        loopback: Math.min(edge.loopback, connections),
        sent: whole ? edge.sent : 0, received: whole ? edge.received : 0,
        last: Math.min(edge.last, last) || edge.last,
        glow: fresh ? glow : -Infinity,
      };
    };
  }
}
