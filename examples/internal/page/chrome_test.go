package page_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/tcpgraph/internal/netlab"
)

// chrome is a headless browser that listens to the DevTools protocol on a pair
// of pipes: messages are JSON, each followed by a NUL.
type chrome struct {
	send    *os.File
	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	ended   bool
	logged  []string // exceptions, errors on the console, violations of the policy
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// patience is how long a browser may take for anything. It is not what is
// tested.
const patience = 60 * time.Second

// startChrome starts a browser, which ends with the test.
func startChrome(t *testing.T) *chrome {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		netlab.Skip(t, "no chromium or google-chrome is installed")
	}
	theirIn, ourOut := pipe(t)
	ourIn, theirOut := pipe(t)
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--enable-precise-memory-info", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	var noise bytes.Buffer
	cmd.Stderr = &noise
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	c := &chrome{send: ourOut, waiting: make(map[int]chan reply)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(ourIn)
	}()
	t.Cleanup(func() {
		_, _ = c.call("", "Browser.close", nil)
		<-read // all processes of the browser have closed the pipe
		if err := cmd.Wait(); err != nil {
			t.Logf("the browser: %v\n%s", err, noise.Bytes())
		}
		ourIn.Close()
		ourOut.Close()
	})
	return c
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// read hands replies to those who wait for them, until the browser ends.
func (c *chrome) read(r io.Reader) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = true
		for _, w := range c.waiting {
			close(w)
		}
		clear(c.waiting)
	}()
	for b := bufio.NewReaderSize(r, 1<<20); ; {
		line, err := b.ReadBytes(0)
		if err != nil {
			return
		}
		var m reply
		if err := json.Unmarshal(line[:len(line)-1], &m); err != nil {
			return
		}
		c.mu.Lock()
		switch m.Method {
		case "":
			if w, ok := c.waiting[m.ID]; ok {
				w <- m
				delete(c.waiting, m.ID)
			}
		case "Runtime.exceptionThrown", "Log.entryAdded":
			c.logged = append(c.logged, string(m.Params))
		}
		c.mu.Unlock()
	}
}

// call calls a method of the protocol, in a tab or with "" in the browser.
func (c *chrome) call(session, method string, params any) (json.RawMessage, error) {
	if params == nil {
		params = struct{}{}
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil, fmt.Errorf("%s: the browser has ended", method)
	}
	c.last++
	id, done := c.last, make(chan reply, 1)
	c.waiting[id] = done
	c.mu.Unlock()
	m := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		m["sessionId"] = session
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := c.send.Write(append(b, 0)); err != nil {
		return nil, err
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case m, ok := <-done:
		if !ok {
			return nil, fmt.Errorf("%s: the browser has ended", method)
		}
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-limit.C:
		return nil, fmt.Errorf("%s: no reply in %v", method, patience)
	}
}

// tab is a page in the browser.
type tab struct {
	t       *testing.T
	chrome  *chrome
	session string
	target  string
}

// screen is the size of a tab, and whether the person likes it dark.
type screen struct {
	width, height int
	scale         float64
	dark          bool
}

// open opens a page in a new tab.
func (c *chrome) open(t *testing.T, url string, s screen) *tab {
	t.Helper()
	var target struct{ TargetID, SessionID string }
	p := &tab{t: t, chrome: c}
	p.decode(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	p.target = target.TargetID
	p.decode(&target, "Target.attachToTarget", map[string]any{"targetId": p.target, "flatten": true})
	p.session = target.SessionID
	t.Cleanup(func() {
		if _, err := c.call("", "Target.closeTarget", map[string]any{"targetId": p.target}); err != nil {
			t.Error(err)
		}
	})
	p.do("Page.enable", nil)
	p.do("Runtime.enable", nil)
	p.do("Log.enable", nil)
	p.screen(s)
	p.do("Page.navigate", map[string]any{"url": url})
	p.wait("document.readyState === 'complete' && !!globalThis.tcpgraph")
	return p
}

func (p *tab) screen(s screen) {
	p.t.Helper()
	if s.scale == 0 {
		s.scale = 1
	}
	p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": s.width, "height": s.height, "deviceScaleFactor": s.scale, "mobile": false})
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	p.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

func (p *tab) do(method string, params any) json.RawMessage {
	p.t.Helper()
	r, err := p.chrome.call(p.session, method, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *tab) decode(v any, method string, params any) {
	p.t.Helper()
	if err := json.Unmarshal(p.do(method, params), v); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
}

// eval stores in v what a JavaScript expression is.
func (p *tab) eval(v any, js string) {
	p.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	p.decode(&r, "Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true, "awaitPromise": true, "userGesture": true})
	if r.ExceptionDetails != nil {
		p.t.Fatalf("%s\nthrew %s", js, r.ExceptionDetails.Exception.Description)
	}
	if v == nil {
		return
	}
	if r.Result.Value == nil {
		p.t.Fatalf("%s\nis undefined", js)
	}
	if err := json.Unmarshal(r.Result.Value, v); err != nil {
		p.t.Fatalf("%s\nis %s: %v", js, r.Result.Value, err)
	}
}

func (p *tab) text(js string) (s string) {
	p.t.Helper()
	p.eval(&s, "String("+js+")")
	return s
}

// wait waits until an expression is true.
func (p *tab) wait(js string) {
	p.t.Helper()
	if !p.comes(js) {
		p.t.Fatalf("never came true: %s\npage: %s\nlog: %.2000q", js, p.text("document.body.innerText"), p.chrome.problems())
	}
}

// comes waits until an expression is true, and reports whether that came.
func (p *tab) comes(js string) bool {
	p.t.Helper()
	var ok bool
	p.eval(&ok, fmt.Sprintf(`new Promise((done) => {
		const end = Date.now() + %d;
		const look = () => {
			let ok = false;
			try { ok = !!(%s) } catch {}
			if (ok || Date.now() > end) done(ok); else setTimeout(look, 10);
		};
		look();
	})`, (patience/6).Milliseconds(), js))
	return ok
}

// click clicks where an element or a node of the graph is, as a person does.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("document.querySelector(%q)?.offsetParent !== null", selector))
	var at struct{ X, Y float64 }
	p.eval(&at, fmt.Sprintf("(() => { const e = document.querySelector(%q); e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()", selector))
	p.clickAt(at.X, at.Y)
}

func (p *tab) clickNode(name string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.eval(&at, fmt.Sprintf(`(() => {
		const n = [...tcpgraph.scene.nodes.values()].find((n) => n.name === %q);
		const s = tcpgraph.stage.screen(n.key), r = document.getElementById("graph").getBoundingClientRect();
		return {X: s.x + r.x, Y: s.y + r.y};
	})()`, name))
	p.clickAt(at.X, at.Y)
}

func (p *tab) clickAt(x, y float64) {
	p.t.Helper()
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.do("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})
	}
}

// write types text to where the focus is.
func (p *tab) write(text string) {
	p.t.Helper()
	p.do("Input.insertText", map[string]any{"text": text})
}

func (p *tab) key(key string) {
	p.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		m := map[string]any{"type": kind, "key": key}
		if len(key) == 1 && kind == "keyDown" {
			m["text"] = key
		}
		p.do("Input.dispatchKeyEvent", m)
	}
}

// enter presses the key Enter, as that which activates a button.
func (p *tab) enter() {
	p.t.Helper()
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	p.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13})
}

// picture returns a PNG of the tab.
func (p *tab) picture() []byte {
	p.t.Helper()
	var shot struct{ Data string }
	p.decode(&shot, "Page.captureScreenshot", map[string]any{"format": "png"})
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// problems returns what the browser complained of.
func (c *chrome) problems() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.logged)
}

// forget forgets what the browser has complained of so far.
func (c *chrome) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logged = nil
}
