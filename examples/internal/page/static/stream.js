// Reading what the server sends, for as long as the page is open.

// listen calls onUpdate with each update, and onState with whether there is a
// connection. A connection that ends is made again, and begins with everything.
export function listen(onUpdate, onState) {
  let source, timer;
  const open = () => {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("api/stream");
    source.onopen = () => onState(true);
    source.onmessage = (m) => onUpdate(JSON.parse(m.data));
    source.onerror = () => {
      onState(false);
      // A browser tries again by itself, but not after an answer of HTTP that
      // refuses.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 2000);
    };
  };
  open();
  addEventListener("online", open);
}

async function checked(response) {
  const r = await response;
  if (!r.ok) throw new Error((await r.text()).trim() || r.statusText);
  return r;
}

// ask returns what the server answers to a question, as parsed JSON.
export async function ask(path) {
  return (await checked(fetch(path))).json();
}

// post returns the response to a selection of events (see journal.go).
export function post(path, selection) {
  return checked(fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(selection) }));
}
