// A table that can be sorted, and that keeps its rows from one update to the
// next, so that the focus and a selection of text survive. While a person points
// at its rows, or has the focus in them, they keep their order too: nobody likes
// to click on what has just moved away.
//
// Laying out and painting a row costs as much as drawing ten edges, so that few
// are shown until somebody asks for more.

import { element, number } from "./text.js";

export class Table {
  #rows = new Map(); // key -> <tr>
  #data = [];
  #chosen = "";

  // columns: {name, value(row), text(row) = value, numeric, choose, optional}. A
  // cell of a column with choose is a button, which calls it with the row. A
  // column that is optional is shown if there is anything in it.
  constructor(root, caption, columns, { sort = 0, descending = false, limit = 50 } = {}) {
    Object.assign(this, { columns, sort, descending, limit });
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
    this.rest = element("p", "", { className: "rest", hidden: true });
    this.rest.append(element("span"), " ", element("button", "Show more", { type: "button" }));
    this.rest.lastChild.addEventListener("click", () => {
      this.limit += Math.max(50, this.limit);
      this.update(this.#data, this.#chosen);
    });
    const scroll = element("div", "", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: caption });
    scroll.append(this.table);
    root.replaceChildren(scroll, this.rest);
    this.#mark();
  }

  sortBy(i) {
    this.descending = this.sort === i ? !this.descending : !!this.columns[i].numeric;
    this.sort = i;
    this.#mark();
    this.reset();
    this.update(this.#data, this.#chosen);
  }

  // reset forgets the rows, and with them their order.
  reset() {
    this.#rows.clear();
    this.body.replaceChildren();
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
    this.#chosen = chosen;
    const shown = this.#order(data).slice(0, this.limit);
    const empty = this.columns.map((c) => c.optional && !shown.some((row) => c.value(row)));
    [...this.table.tHead.rows[0].cells].forEach((th, j) => (th.hidden = empty[j]));
    const rows = new Map();
    let at = this.body.firstChild;
    for (const row of shown) {
      const tr = this.#rows.get(row.key) ?? this.#make();
      rows.set(row.key, tr);
      tr.row = row;
      tr.classList.toggle("chosen", row.key === chosen);
      this.columns.forEach((c, j) => {
        const text = String((c.text ?? c.value)(row));
        const cell = tr.cells[j].firstChild;
        if (cell.textContent !== text) cell.textContent = text;
        tr.cells[j].hidden = empty[j];
      });
      if (tr === at) at = at.nextSibling;
      else this.body.insertBefore(tr, at);
    }
    for (const [key, tr] of this.#rows) if (!rows.has(key)) tr.remove();
    this.#rows = rows;
    const left = data.length - shown.length;
    this.rest.hidden = left === 0;
    this.rest.firstChild.textContent = left ? `and ${number(left)} more` : "";
  }

  // #order sorts rows. Those that somebody is at come first, as they are.
  #order(data) {
    const { value } = this.columns[this.sort];
    const sign = this.descending ? -1 : 1;
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const held = this.body.matches(":hover, :focus-within");
    const place = new Map(held ? [...this.#rows.keys()].map((key, i) => [key, i]) : []);
    const last = place.size;
    return data
      .map((row) => ({ row, at: place.get(row.key) ?? last, v: value(row) }))
      .sort((a, b) => a.at - b.at || sign * compare(a.v, b.v) || compare(a.row.key, b.row.key))
      .map(({ row }) => row);
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
