package page_test

import (
	"fmt"
	"strings"
	"testing"
)

// Where many call each other, and each seems to be behind the one before, there
// is still no line of nodes that is too long to be read.
func testDense(t *testing.T, c *chrome) {
	const n = 36
	var lines []string
	for i := range n {
		for j := i + 1; j < n; j++ {
			lines = append(lines, fmt.Sprintf("10.0.0.%d:80→10.0.0.%d:%d|PID=%d CMD=p%d", j+1, i+1, 40000+j, i+1, i),
				fmt.Sprintf("10.0.0.%d:%d←10.0.0.%d:80|PID=%d CMD=p%d", i+1, 40000+j, j+1, j+1, j))
		}
	}
	_, p := browse(t, c, "", lines...)
	p.want("all", "tcpgraph.scene.nodes.size", fmt.Sprint(n))
	p.want("names can be read", "tcpgraph.stage.camera.k > 0.35", "true")
	p.want("no two in one place", "new Set([...tcpgraph.scene.nodes.keys()].map((k) => JSON.stringify(tcpgraph.stage.places(k)))).size", fmt.Sprint(n))
	p.want("who only connects is left of who only accepts", `(() => {
		const at = (name) => tcpgraph.stage.places([...tcpgraph.scene.nodes.values()].find((n) => n.name === name).key).x;
		return at("p0") < at("p35");
	})()`, "true")
}

// A long table is shown in parts, and its rows do not move away from under a
// pointer.
func testRows(t *testing.T, c *chrome) {
	const n = 120
	var lines []string
	for i := range n - 1 {
		lines = append(lines, fmt.Sprintf("10.0.0.200:80→10.0.0.%d:40000|PID=%d CMD=p%03d", i+1, i+1, i))
	}
	s, p := browse(t, c, "#by=process", lines...)
	const rows = `document.querySelectorAll("#list tbody tr").length`
	p.want("rows", rows, "50")
	p.want("said", `document.querySelector("#list .rest span").textContent`, fmt.Sprintf("and %d more", n-50))
	p.click("#list .rest button")
	p.want("more rows", rows, "100")
	p.click("#list .rest button")
	p.want("all rows", rows, fmt.Sprint(n))
	p.want("nothing to ask for", `document.querySelector("#list .rest").hidden`, "true")

	const third = `document.querySelector("#list tr:nth-child(3) td.name").textContent`
	p.eval(nil, `document.getElementById("side").scrollTop = 0`)
	under := p.text(third)
	var at struct{ X, Y float64 }
	p.eval(&at, `(() => { const r = document.querySelector("#list tr:nth-child(3) td").getBoundingClientRect(); return {X: r.x + 5, Y: r.y + 5} })()`)
	p.do("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": at.X, "y": at.Y})
	p.wait(`document.querySelector("#list tbody").matches(":hover")`)
	const open = `Number([...document.querySelectorAll("#list tbody tr")].find((r) => r.cells[0].textContent === "p077").cells[3].textContent)`
	for i := range 3 {
		s.add(fmt.Sprintf("10.0.0.200:80→10.0.0.78:4000%d|PID=78 CMD=p077", i+1))
	}
	p.want("counts go on", open, "4")
	p.want("under the pointer", third, under)
	p.do("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": 5, "y": 5})
	s.add("10.0.0.200:80→10.0.0.78:40009|PID=78 CMD=p077")
	p.want("sorted again", `document.querySelector("#list tr:nth-child(2) td.name").textContent`, "p077")
}

// Connections that differ in nothing that the table shows have rows of their own,
// the newest first.
func testTwins(t *testing.T, c *chrome) {
	var lines []string
	for ns := 1; ns <= 12; ns++ {
		lines = append(lines, fmt.Sprintf("127.0.0.1:80→127.0.0.1:5000|PID=%d TIME=2026-01-02T03:00:00Z NETNS=%d CMD=web", ns, ns))
	}
	lines = append(lines, "127.0.0.1:80→127.0.0.1:5000|PID=12 EVENT=close TIME=2026-01-02T03:00:01Z NETNS=12 SENT=1 RECV=2 CMD=web")
	s, p := browse(t, c, "#by=command&select=command:web", lines...)
	const states = `[...document.querySelectorAll("#connections tbody tr")].map((r) => r.cells[3].textContent).join(" ")`
	p.want("states", states, "closed"+strings.Repeat(" open", 11))
	s.add("127.0.0.1:80→127.0.0.1:5000|PID=1 EVENT=close TIME=2026-01-02T03:00:03Z NETNS=1 SENT=1 RECV=2 CMD=web")
	p.want("states then", states, "closed"+strings.Repeat(" open", 10)+" closed")
}
