// A table that can be sorted, and that keeps its rows from one update to the
// next, so that the focus and a selection of text survive.

import { element, number } from "./text.js";

export class Table {
  #rows = new Map(); // key -> <tr>
  #data = [];

  // columns: {name, value(row), text(row) = value, numeric, choose}. A cell of a
  // column with choose is a button, which calls it with the row.
  constructor(root, caption, columns, { sort = 0, descending = false, limit = 200, more = "" } = {}) {
    Object.assign(this, { columns, sort, descending, limit, more });
    this.table = document.createElement("table");
    this.caption = this.table.createCaption();
    this.caption.textContent = caption;
    const head = this.table.createTHead().insertRow();
    columns.forEach((c, i) => {
      const th = element("th", "", { scope: "col", className: c.numeric ? "number" : "" });
      const button = element("button", c.name, { type: "button" });
      button.addEventListener("click", () => this.sortBy(i));
      th.append(button);
      head.append(th);
    });
    this.body = this.table.createTBody();
    this.rest = element("p", "", { className: "rest" });
    const scroll = element("div", "", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: caption });
    scroll.append(this.table);
    root.replaceChildren(scroll, this.rest);
    this.#mark();
  }

  sortBy(i) {
    this.descending = this.sort === i ? !this.descending : !!this.columns[i].numeric;
    this.sort = i;
    this.#mark();
    this.update(this.#data);
  }

  #mark() {
    [...this.table.tHead.rows[0].cells].forEach((th, i) => {
      th.ariaSort = i === this.sort ? (this.descending ? "descending" : "ascending") : "none";
      th.firstChild.textContent = this.columns[i].name + (i === this.sort ? (this.descending ? " ▼" : " ▲") : "");
    });
  }

  // update shows rows, each with a key of its own. chosen is the key of the row
  // that is marked.
  update(data, chosen = "") {
    this.#data = data;
    const { value } = this.columns[this.sort];
    const sign = this.descending ? -1 : 1;
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const sorted = data.map((row) => ({ row, v: value(row) })).sort((a, b) => sign * compare(a.v, b.v) || compare(a.row.key, b.row.key));
    const shown = sorted.slice(0, this.limit);
    const rows = new Map();
    shown.forEach(({ row }, i) => {
      const tr = this.#rows.get(row.key) ?? this.#make();
      rows.set(row.key, tr);
      tr.row = row;
      tr.classList.toggle("chosen", row.key === chosen);
      this.columns.forEach((c, j) => {
        const text = String((c.text ?? c.value)(row));
        const cell = tr.cells[j].firstChild;
        if (cell.textContent !== text) cell.textContent = text;
      });
      if (this.body.rows[i] !== tr) this.body.insertBefore(tr, this.body.rows[i] ?? null);
    });
    for (const [key, tr] of this.#rows) if (!rows.has(key)) tr.remove();
    this.#rows = rows;
    const left = sorted.length - shown.length;
    this.rest.textContent = left > 0 ? `and ${number(left)} more${this.more}` : "";
  }

  #make() {
    const tr = document.createElement("tr");
    for (const c of this.columns) {
      const td = tr.insertCell();
      td.className = c.numeric ? "number" : c.choose ? "name" : "";
      if (!c.choose) {
        td.append(element("span"));
        continue;
      }
      const button = element("button", "", { type: "button" });
      button.addEventListener("click", () => c.choose(tr.row));
      td.append(button);
    }
    return tr;
  }
}
