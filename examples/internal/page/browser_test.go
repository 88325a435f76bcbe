package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tcpgraph/examples/internal/page"
)

var desktop = screen{width: 1280, height: 800}

// shop is a small trace: a client, a proxy, two application servers, a database
// and an address outside, with times.
func shop() []string {
	const t = "TIME=2026-01-02T03:04:%02dZ"
	at := func(line string, second int) string { return strings.Replace(line, "TIME", fmt.Sprintf(t, second), 1) }
	return []string{
		at("10.0.0.2:443→10.0.0.1:50001|PID=100 TIME CONTAINER=laptop CMD=curl", 1),
		at("10.0.0.1:50001←10.0.0.2:443|PID=200 TIME CONTAINER=front CMD=nginx", 1),
		at("10.0.0.3:8080→10.0.0.2:50002|PID=200 TIME CONTAINER=front CMD=nginx", 2),
		at("10.0.0.2:50002←10.0.0.3:8080|PID=300 TIME CONTAINER=app CMD=gunicorn", 2),
		at("10.0.0.4:8080→10.0.0.2:50003|PID=200 TIME CONTAINER=front CMD=nginx", 3),
		at("10.0.0.2:50003←10.0.0.4:8080|PID=301 TIME CONTAINER=app CMD=gunicorn", 3),
		at("10.0.0.5:5432→10.0.0.3:50004|PID=300 TIME CONTAINER=app CMD=gunicorn", 5),
		at("10.0.0.3:50004←10.0.0.5:5432|PID=400 TIME CMD=postgres", 5),
		at("203.0.113.7:443→10.0.0.4:50005|PID=301 TIME CONTAINER=app CMD=gunicorn", 7),
		at("127.0.0.1:6379→127.0.0.1:50006|PID=301 TIME NETNS=1 CMD=gunicorn", 8),
		at("127.0.0.1:50006←127.0.0.1:6379|PID=500 TIME NETNS=1 CMD=redis-server", 8),
		at("10.0.0.2:443→10.0.0.1:50001|PID=100 EVENT=close TIME CONTAINER=laptop SENT=100 RECV=2000 DUR=8s CMD=curl", 9),
	}
}

// TestBrowser does in a browser what a person does.
func TestBrowser(t *testing.T) {
	c := startChrome(t)
	for name, test := range map[string]func(*testing.T, *chrome){
		"table":     testTable,
		"search":    testSearch,
		"details":   testDetails,
		"group":     testGroup,
		"filters":   testFilters,
		"hide":      testHide,
		"path":      testPath,
		"pin":       testPin,
		"pause":     testPause,
		"places":    testPlaces,
		"slider":    testSlider,
		"keyboard":  testKeyboard,
		"export":    testExport,
		"loss":      testLoss,
		"hostile":   testHostile,
		"reconnect": testReconnect,
		"widths":    testWidths,
		"address":   testAddress,
		"dense":     testDense,
		"rows":      testRows,
		"twins":     testTwins,
	} {
		t.Run(name, func(t *testing.T) {
			c.forget()
			test(t, c)
			if name != "reconnect" && !t.Failed() && len(c.problems()) > 0 {
				t.Errorf("the browser complains: %q", c.problems())
			}
		})
	}
}

// browse serves a page of a trace and opens it.
func browse(t *testing.T, c *chrome, hash string, lines ...string) (*served, *tab) {
	t.Helper()
	s := serve(t, &page.Options{Title: "shop", Trace: true})
	s.add(lines...)
	p := c.open(t, s.URL()+hash, desktop)
	p.wait("tcpgraph.scene.nodes.size > 0")
	return s, p
}

const (
	// listed is the names in the table at the side, in its order.
	listed = `[...document.querySelectorAll("#list td.name")].map((e) => e.textContent).join(" ")`
	// notice is what is said in words above the graph.
	notice = `document.getElementById("notice").firstElementChild.textContent`
	// drawn is the names in the graph.
	drawn = `[...tcpgraph.scene.nodes.values()].map((n) => n.name).sort().join(" ")`
	// name is what the details are of.
	name = `document.getElementById("details").hidden ? "" : document.getElementById("name").textContent`
)

// want waits until an expression is a text.
func (p *tab) want(what, js, want string) {
	p.t.Helper()
	if !p.comes(fmt.Sprintf("String(%s) === %q", js, want)) {
		p.t.Fatalf("%s (-want +got):\n%s\nlog: %.2000q", what, cmp.Diff(want, p.text(js)), p.chrome.problems())
	}
}

// set sets what a control is, as a person does.
func (p *tab) set(id, value string) {
	p.t.Helper()
	p.eval(nil, fmt.Sprintf(`(() => {
		const e = document.getElementById(%q);
		if (e.type === "checkbox") e.checked = %q === "true"; else e.value = %q;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
	})()`, id, value, value))
}

func testTable(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.click("#list th:nth-child(1) button")
	p.want("by name", listed, "203.0.113.7:443 curl gunicorn gunicorn nginx postgres redis-server")
	p.click("#list th:nth-child(1) button")
	p.want("by name, descending", listed, "redis-server postgres nginx gunicorn gunicorn curl 203.0.113.7:443")
	p.want("what a screen reader is told", `document.querySelector("#list th").ariaSort`, "descending")
	p.want("title", "document.title", "shop – tcpgraph")
	p.want("summary", `document.getElementById("summary").textContent`, "6 processes · 1 external · 6 connections · 5 open · 12 events")
}

func testSearch(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.key("/")
	p.write("postgres")
	p.want("by name", listed, "postgres")
	p.want("what a screen reader is told", `document.getElementById("search").getAttribute("aria-description")`, "1 match")
	for text, want := range map[string]string{"pid 301": "gunicorn", ":5432": "postgres", "203.0.113": "203.0.113.7:443", "LAPTOP": "curl", "no such thing": ""} {
		p.set("search", text)
		p.want(text, listed, want)
	}
	p.set("search", "redis")
	p.key("Enter")
	p.want("Enter selects", name, "redis-server")
	p.wait(`location.hash.includes("q=redis")`)
}

func testDetails(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.clickNode("nginx")
	p.want("selected", name, "nginx")
	const peers = `[...document.querySelectorAll("#peers tbody tr")].map((r) => [...r.cells].slice(0, 3).map((c) => c.textContent).join(" ")).join(", ")`
	p.click("#peers th:nth-child(1) button")
	p.want("peers", peers, "curl ← client 443 https, gunicorn → server 8080 http-alt, gunicorn → server 8080 http-alt")
	p.want("facts", `[...document.querySelectorAll("#facts dt")].map((e) => e.textContent + "=" + e.nextSibling.textContent).join(" ")`, "PID=200 Container=front Addresses=10.0.0.2")
	p.want("connections", `[...document.querySelectorAll("#connections tbody tr")].map((r) => r.cells[1].textContent + " " + r.cells[3].textContent).join(", ")`,
		"10.0.0.2:50003 open, 10.0.0.2:50002 open, 10.0.0.1:50001 closed")
	p.want("neighbourhood", "[...tcpgraph.stage.look.lit.nodes].length", "4")
	p.click("#peers td button")
	p.want("a peer", name, "curl")
	p.key("Escape")
	p.want("deselected", name, "")
}

func testGroup(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	for by, want := range map[string]string{
		"command":   "203.0.113.7:443 curl gunicorn nginx postgres redis-server",
		"container": "203.0.113.7:443 app front laptop postgres redis-server",
		"host":      "203.0.113.7:443 this host",
		"netns":     "203.0.113.7:443 curl gunicorn namespace 1 nginx postgres",
		"process":   "203.0.113.7:443 curl gunicorn gunicorn nginx postgres redis-server",
	} {
		p.set("by", by)
		p.want(by, drawn, want)
		p.wait(fmt.Sprintf(`location.hash.includes("by=%s")`, by))
	}
	p.set("by", "container")
	p.clickNode("app")
	p.want("members", `[...document.querySelectorAll("#members tbody tr")].map((r) => r.cells[1].textContent).join(" ")`, "300 301")
}

func testFilters(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.set("loopback", "false")
	p.want("no loopback", drawn, "203.0.113.7:443 curl gunicorn gunicorn nginx postgres")
	p.set("external", "hide")
	p.want("no external", drawn, "curl gunicorn gunicorn nginx postgres")
	p.set("show", "open")
	p.want("open", drawn, "gunicorn gunicorn nginx postgres")
	p.wait(`location.hash.includes("show=open")`)

	// The URL is the view.
	again := c.open(t, p.text("location.href"), desktop)
	again.want("the same URL", drawn, "gunicorn gunicorn nginx postgres")
}

func testHide(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.clickNode("nginx")
	p.click("#hide")
	p.want("hidden", drawn, "203.0.113.7:443 gunicorn gunicorn postgres redis-server")
	p.want("said", `document.getElementById("notice").firstElementChild.textContent`, "1 node hidden.")
	p.click("#unhide")
	p.want("shown again", drawn, "203.0.113.7:443 curl gunicorn gunicorn nginx postgres redis-server")
}

func testPath(t *testing.T, c *chrome) {
	s, p := browse(t, c, "", shop()...)
	p.clickNode("curl")
	p.click("#path")
	p.want("said", notice, "Choose the other end of the path from curl, in the graph or in the table; Esc ends this.")
	p.want("to choose from", listed, "nginx gunicorn gunicorn postgres 203.0.113.7:443 redis-server curl")
	p.key("Escape")
	p.want("given up", notice, "")
	p.want("still selected", name, "curl")

	// With the keyboard alone.
	p.eval(nil, `document.getElementById("path").focus()`)
	p.enter()
	p.wait(`document.activeElement.closest("#list td")`)
	p.eval(nil, `[...document.querySelectorAll("#list td button")].find((b) => b.textContent === "postgres").focus()`)
	p.enter()
	p.want("focus", "document.activeElement.id", "details")
	p.want("path", `[...tcpgraph.stage.look.lit.nodes].map((k) => tcpgraph.scene.nodes.get(k).name).join(" ")`, "postgres gunicorn nginx curl")
	p.want("selected", name, "curl")

	s.add("10.9.0.2:80→10.9.0.1:1|PID=900 CMD=alone")
	p.want("another", "tcpgraph.scene.nodes.size", "9")
	p.click("#path")
	p.clickNode("alone")
	p.want("no path", notice, "No path joins curl and alone.")
	p.key("Escape")
	p.want("nothing said any more", notice, "")
}

func testPin(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	var from struct{ X, Y float64 }
	p.eval(&from, `(() => { const n = [...tcpgraph.scene.nodes.values()].find((n) => n.name === "curl"); const s = tcpgraph.stage.screen(n.key), r = document.getElementById("graph").getBoundingClientRect(); return {X: s.x + r.x, Y: s.y + r.y} })()`)
	for _, m := range []struct {
		kind string
		dy   float64
	}{{"mousePressed", 0}, {"mouseMoved", 30}, {"mouseMoved", 80}, {"mouseReleased", 80}} {
		p.do("Input.dispatchMouseEvent", map[string]any{"type": m.kind, "x": from.X, "y": from.Y + m.dy, "button": "left", "buttons": 1, "clickCount": 1})
	}
	p.want("pinned", "tcpgraph.state.pins.size", "1")
	p.wait(`location.hash.includes("pin=")`)
	const place = `JSON.stringify([...tcpgraph.state.pins.values()].map((p) => [Math.round(p.x), Math.round(p.y)]))`
	again := c.open(t, p.text("location.href"), desktop)
	again.want("the same URL", place, p.text(place))
}

func testPause(t *testing.T, c *chrome) {
	lines := shop()
	s, p := browse(t, c, "", lines[:4]...)
	p.click("#pause")
	p.want("paused", `document.getElementById("when").textContent`, "paused")
	s.add(lines[4:]...)
	p.wait("tcpgraph.model.nodes.size === 7") // it is known
	p.want("not shown", drawn, "curl gunicorn nginx")
	p.set("by", "command")
	p.want("not shown grouped", drawn, "curl gunicorn nginx")
	p.click("#pause")
	p.want("shown", drawn, "203.0.113.7:443 curl gunicorn nginx postgres redis-server")
}

// Nodes stay where they are when others come.
func testPlaces(t *testing.T, c *chrome) {
	lines := shop()
	s, p := browse(t, c, "", lines[:8]...)
	p.eval(nil, `globalThis.before = [...tcpgraph.scene.nodes.keys()].map((k) => [k, JSON.stringify(tcpgraph.stage.places(k))])`)
	s.add(lines[8:]...)
	p.want("all", "tcpgraph.scene.nodes.size", "7")
	p.want("moved", "before.filter(([k, at]) => JSON.stringify(tcpgraph.stage.places(k)) !== at).length", "0")
	p.want("no two in one place", `new Set([...tcpgraph.scene.nodes.keys()].map((k) => JSON.stringify(tcpgraph.stage.places(k)))).size`, "7")
	p.want("clients are to the left", `[...tcpgraph.scene.edges.values()].filter((e) => tcpgraph.stage.places(e.from.key).x >= tcpgraph.stage.places(e.to.key).x).length`, "0")
	p.want("what is new glows", `[...tcpgraph.scene.edges.values()].filter((e) => e.glow > 0).length`, "2")
}

func testSlider(t *testing.T, c *chrome) {
	s, p := browse(t, c, "", shop()...)
	for _, at := range []struct {
		value, want string
	}{
		{"0", "curl nginx"},
		{"250", "curl gunicorn gunicorn nginx"},
		{"800", "203.0.113.7:443 curl gunicorn gunicorn nginx postgres"},
		{"1000", "203.0.113.7:443 curl gunicorn gunicorn nginx postgres redis-server"},
	} {
		p.set("slider", at.value)
		p.want("at "+at.value, drawn, at.want)
	}
	p.set("slider", "0")
	p.want("open then", `[...tcpgraph.scene.edges.values()][0].open`, "1")
	p.wait(`/at=\d+/.test(location.hash)`)
	again := c.open(t, p.text("location.href"), desktop)
	again.want("the same URL", drawn, "curl nginx")
	s.add("10.0.0.9:80→10.0.0.8:1|PID=9 TIME=2026-01-02T03:04:15Z CMD=late")
	again.wait("tcpgraph.model.nodes.size === 9")
	again.want("what comes later does not change the past", drawn, "curl nginx")
}

func testKeyboard(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	p.eval(nil, `document.querySelector("#list td button").focus()`)
	p.enter()
	p.wait(name)
	p.want("focus", "document.activeElement.id", "details")
	p.key("Escape")
	p.want("closed", name, "")
	p.key("p")
	p.want("paused", `document.getElementById("pause").getAttribute("aria-pressed")`, "true")
	p.key("+")
	p.want("the camera is the person's", "tcpgraph.stage.auto", "false")
	p.key("f")
	p.want("and the graph's again", "tcpgraph.stage.auto", "true")
	p.want("controls without a name", `[...document.querySelectorAll("button, input, select, canvas:not([aria-hidden])")].filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.id).join()`, "")
}

func testLoss(t *testing.T, c *chrome) {
	s, p := browse(t, c, "", shop()...)
	p.want("no loss", `document.getElementById("loss").hidden`, "true")
	s.Update(page.Status{Done: true, Lost: 12, Loss: "12 by a full <b>buffer</b>"})
	p.want("loss", `document.getElementById("loss").textContent`, "12 events lost: 12 by a full <b>buffer</b>")
}

// A server that goes away and comes back is found again.
func testReconnect(t *testing.T, c *chrome) {
	lines := shop()
	s, p := browse(t, c, "", lines[:8]...)
	p.eval(nil, `globalThis.before = [...tcpgraph.scene.nodes.keys()].map((k) => [k, JSON.stringify(tcpgraph.stage.places(k))])`)
	addr := strings.Trim(strings.TrimPrefix(s.URL(), "http:"), "/")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.want("away", `document.getElementById("offline").hidden`, "false")
	s.add(lines[8:]...)
	s.start(addr)
	p.want("back", `document.getElementById("offline").hidden`, "true")
	p.want("what was missed is there", "tcpgraph.scene.nodes.size", "7")
	p.want("moved", "before.filter(([k, at]) => JSON.stringify(tcpgraph.stage.places(k)) !== at).length", "0")
}

// An address that somebody made up shows what can be shown.
func testAddress(t *testing.T, c *chrome) {
	_, p := browse(t, c, "#by=__proto__&external=x&show=%00&select=constructor&path=&hide=%ff&hide=&pin=1,2&pin=1e9,x,y&camera=0,0,-1&camera=NaN&at=-1&q=&x=y", shop()...)
	p.want("all", drawn, "203.0.113.7:443 curl gunicorn gunicorn nginx postgres redis-server")
	p.want("as a person would see it", "tcpgraph.stage.auto", "true")
}

// Nothing is wider than the screen, from a small telephone to a large desk.
func testWidths(t *testing.T, c *chrome) {
	_, p := browse(t, c, "", shop()...)
	for _, s := range []screen{{320, 568, 2, false}, {768, 1024, 1, true}, {3840, 2160, 1, false}} {
		p.screen(s)
		p.wait(fmt.Sprintf("innerWidth === %d", s.width))
		p.want(fmt.Sprint(s.width, ": too wide"), `document.documentElement.scrollWidth > innerWidth`, "false")
		p.want(fmt.Sprint(s.width, ": room for the graph"), `document.getElementById("graph").clientWidth * document.getElementById("graph").clientHeight > 0.25 * innerWidth * innerHeight`, "true")
		p.want(fmt.Sprint(s.width, ": controls outside"), `[...document.querySelectorAll("header button, footer button, #search")].filter((e) => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.id).join()`, "")
	}
}
