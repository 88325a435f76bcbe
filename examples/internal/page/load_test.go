package page_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/traceformat"
)

var (
	loadFor     = flag.Duration("load", 3*time.Second, "how long TestLoad loads the page")
	screenshots = flag.String("screenshots", "", "`DIRECTORY` into which TestScreenshots writes its pictures")
)

// TestLoad loads the page with 500 processes, 2,000 edges on screen and 1,000 new
// connections a second, and logs what that costs. What it asserts is that
// nothing is lost on the way and that the page keeps no more for being open
// longer; times are for people to read:
//
//	go test ./examples/internal/page -run TestLoad -v -load 10m
func TestLoad(t *testing.T) {
	c := startChrome(t)
	const processes, edges, rate = 500, 2000, 1000
	f := newTraffic(processes, edges)
	s := serve(t, &page.Options{Title: "load"})
	for i := range f.pairs {
		for _, e := range f.connect(i) {
			s.Add(e)
		}
	}
	s.update()
	p := c.open(t, s.URL()+"#by=process", desktop)
	p.want("edges", "tcpgraph.scene.edges.size", fmt.Sprint(edges))

	var sent atomic.Int64
	st := s.stream()
	go func() { // ends with the stream
		for b := bufio.NewReader(st.body); ; {
			n, err := b.Discard(1)
			if err != nil {
				return
			}
			m, _ := b.Discard(b.Buffered())
			sent.Add(int64(n + m))
		}
	}()
	p.eval(nil, `(() => {
		globalThis.between = [];
		let last = 0;
		const frame = (now) => {
			if (last) between.push(now - last);
			if (between.length > 20000) between.splice(0, 10000);
			last = now;
			requestAnimationFrame(frame);
		};
		requestAnimationFrame(frame);
	})()`)
	before, begun, sentBefore := p.memory(), time.Now(), sent.Load()
	cpu := c.cpu(t)
	busy := c.watch(t)
	made, report := 0, time.Now()
	var slowest time.Duration
	step, update := time.NewTicker(10*time.Millisecond), time.NewTicker(250*time.Millisecond)
	defer step.Stop()
	defer update.Stop()
	for end := time.After(*loadFor); end != nil; {
		select {
		case <-step.C:
			for due := int(time.Since(begun).Seconds() * rate); made < due; made++ {
				for _, e := range f.connect(f.rand.IntN(edges)) {
					s.Add(e)
				}
				for _, e := range f.disconnect() {
					s.Add(e)
				}
			}
		case <-update.C:
			busy.look()
			start := time.Now()
			s.Update(page.Status{})
			slowest = max(slowest, time.Since(start))
			if time.Since(report) > time.Minute {
				report = time.Now()
				t.Logf("%v: %s", time.Since(begun).Round(time.Second), p.memory())
			}
		case <-end:
			end = nil
		}
	}
	took := time.Since(begun)
	s.update()
	p.want("connections", "[...tcpgraph.model.edges.values()].reduce((sum, e) => sum + e.connections, 0)", fmt.Sprint(edges+made))
	after := p.memory()
	t.Logf("%d connections in %v; slowest update of the server %v; %.0f kB/s sent to each page", made, took.Round(time.Second), slowest, float64(sent.Load()-sentBefore)/took.Seconds()/1000)
	t.Logf("frames: %s", p.text(`(() => {
		const at = (a, q) => a.toSorted((x, y) => x - y)[Math.floor((a.length - 1) * q)].toFixed(1);
		const said = (a) => "median " + at(a, 0.5) + " ms, 95% " + at(a, 0.95) + " ms, 99% " + at(a, 0.99) + " ms, longest " + at(a, 1) + " ms";
		return between.length + " frames, apart " + said(between) + "; drawing " + said(tcpgraph.stage.frames);
	})()`))
	t.Logf("processor time: %s", c.processorTime(t, cpu, took))
	t.Logf("the page's thread: %s", busy)
	t.Logf("memory of the page before: %s; after: %s", before, after)
	if after.elements > before.elements+100 {
		t.Errorf("elements of the page: got %d, before %d", after.elements, before.elements)
	}
	if most := before.heap + 16<<20; after.heap > most {
		t.Errorf("heap of the page: got %d bytes, before %d", after.heap, before.heap)
	}
}

// memory is what a page holds after a collection of garbage.
type memory struct{ heap, elements int }

func (m memory) String() string {
	return fmt.Sprintf("%.1f MB of heap, %d elements", float64(m.heap)/1e6, m.elements)
}

func (p *tab) memory() memory {
	p.t.Helper()
	p.do("HeapProfiler.enable", nil)
	p.do("HeapProfiler.collectGarbage", nil)
	var heap struct{ UsedSize float64 }
	p.decode(&heap, "Runtime.getHeapUsage", nil)
	var elements int
	p.eval(&elements, `document.querySelectorAll("*").length`)
	return memory{int(heap.UsedSize), elements}
}

// cpu returns the seconds of processor time that the browser's processes have
// used, by what they do.
func (c *chrome) cpu(t *testing.T) map[string]float64 {
	t.Helper()
	r, err := c.call("", "SystemInfo.getProcessInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		ProcessInfo []struct {
			Type    string
			CPUTime float64
		}
	}
	if err := json.Unmarshal(r, &info); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]float64)
	for _, p := range info.ProcessInfo {
		used[p.Type] += p.CPUTime
	}
	return used
}

// processorTime says what share of one processor the browser has used.
func (c *chrome) processorTime(t *testing.T, before map[string]float64, took time.Duration) string {
	t.Helper()
	now := c.cpu(t)
	share := func(kind string) float64 { return 100 * (now[kind] - before[kind]) / took.Seconds() }
	return fmt.Sprintf("%.0f%% of a processor for the page, %.0f%% for drawing without a graphics processor, %.0f%% for the rest of the browser",
		share("renderer"), share("GPU"), share("browser"))
}

// TestScreenshots makes the pictures in the documentation.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no -screenshots=DIRECTORY: they are for people to look at")
	}
	c := startChrome(t)
	s := serve(t, &page.Options{Title: "example.trace", Trace: true})
	f, err := os.Open("../../../example.trace")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for e, err := range traceformat.NewReader(f).All() {
		if err != nil {
			t.Fatal(err)
		}
		s.Add(e)
	}
	s.update()
	for _, shot := range []struct {
		name, hash string
		screen     screen
		first      string
	}{
		{"telephone-light", "", screen{360, 740, 2, false}, ""},
		{"telephone-dark", "", screen{360, 740, 2, true}, "details"},
		{"laptop-light", "", screen{1440, 900, 1, false}, ""},
		{"laptop-dark", "", screen{1440, 900, 1, true}, "details"},
		{"desk-light", "", screen{3840, 2160, 1, false}, "details"},
		{"desk-dark", "", screen{3840, 2160, 1, true}, ""},
	} {
		p := c.open(t, s.URL()+shot.hash, shot.screen)
		p.wait("tcpgraph.scene.nodes.size > 0")
		if shot.first == "details" {
			p.clickNode("nginx")
			p.wait(name)
			p.wait(`document.querySelector("#connections td")`)
		}
		p.eval(nil, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
		if err := os.WriteFile(filepath.Join(*screenshots, "page-"+shot.name+".png"), p.picture(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
