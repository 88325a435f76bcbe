// Numbers and names as people read them.

export const plural = (n, noun, many = noun.replace(/(s|x)$/, "$1e") + "s") => `${number(n)} ${n === 1 ? noun : many}`;

const numbers = new Intl.NumberFormat("en");
export const number = (n) => numbers.format(n);

export function bytes(n) {
  if (n < 1000) return `${n} B`;
  let unit = -1;
  do {
    n /= 1000;
    unit++;
  } while (n >= 999.5 && unit < 5);
  return `${n < 9.95 ? n.toFixed(1) : Math.round(n)} ${"kMGTPE"[unit]}B`;
}

const date = new Intl.DateTimeFormat("en-CA", { dateStyle: "short" }), hours = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
let today = "";

// setToday says which day needs no mention in a table: the last of a trace.
export function setToday(ms) {
  today = date.format(ms);
}

// clock returns the time of day of a time in milliseconds, with the date if that
// is not today's, and if asked for with the tenths of the second.
export function clock(ms, tenths = false) {
  if (!ms) return "";
  const day = date.format(ms);
  const of = hours.format(ms) + (tenths ? `.${Math.floor((ms % 1000) / 100)}` : "");
  return day === date.format() ? of : `${day} ${of}`;
}

// time returns the same for a table.
export function time(ms) {
  return ms && date.format(ms) === today ? hours.format(ms) : clock(ms);
}

export function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60e3) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3600e3) return `${Math.floor(ms / 60e3)} min ${Math.round((ms % 60e3) / 1000)} s`;
  return `${Math.floor(ms / 3600e3)} h ${Math.round((ms % 3600e3) / 60e3)} min`;
}

// ports returns the ports of an edge with the names of their services.
export function ports(e, most = Infinity) {
  const all = [...e.ports].map(([port, service]) => (service ? `${port} ${service}` : String(port)));
  const rest = all.length > most || e.more ? ", …" : "";
  return all.slice(0, most).join(", ") + rest;
}

// element makes an element with text in it. Names of processes only ever come
// to be in the page as text.
export function element(tag, text = "", props = {}) {
  const e = document.createElement(tag);
  e.textContent = text;
  Object.assign(e, props);
  return e;
}
