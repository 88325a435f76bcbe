package page_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/internal/netlab"
	"example.com/tcpgraph/tracer"
)

// TestRealConnection makes a connection between two network namespaces and waits
// until a browser shows it, with the names of the processes at its ends. One has
// a name that would be HTML.
func TestRealConnection(t *testing.T) {
	a, b := netlab.New(t), netlab.New(t)
	netlab.Veth(t, a, b, []netip.Prefix{netip.MustParsePrefix("10.77.0.1/24")}, []netip.Prefix{netip.MustParsePrefix("10.77.0.2/24")})
	const evil, addr = "<img src=x>", "10.77.0.2:5432"
	listening := b.Spawn(t, netlab.Spec{Program: "server", Comm: evil, Args: []string{addr}})
	if got := listening.ReadLine(); got != "ready" {
		t.Fatalf("server: got %q, want ready", got)
	}
	client := a.Spawn(t, netlab.Spec{Program: "client", Comm: "psql"})

	tr, err := tracer.Open(&tracer.Options{NetNS: []uint32{a.Inode(), b.Inode()}})
	if errors.Is(err, errors.ErrUnsupported) {
		netlab.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	c := startChrome(t)
	s := serve(t, &page.Options{Title: "live"})
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		update := time.NewTicker(250 * time.Millisecond)
		defer update.Stop()
		for {
			select {
			case e, ok := <-tr.Events():
				if !ok {
					return
				}
				s.Add(e)
			case <-update.C:
				s.Update(page.Status{})
			}
		}
	}()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		<-shown
	})
	p := c.open(t, s.URL(), desktop)
	p.wait(`!document.getElementById("empty").hidden`)

	start := time.Now()
	client.Printf("%s", addr)
	p.want("names", drawn, evil+" psql")
	t.Logf("the connection was on the page after %v", time.Since(start).Round(time.Millisecond))
	p.want("edge", `[...tcpgraph.scene.edges.values()].map((e) => e.from.name + " → " + e.to.name + " " + [...e.ports].join() + " " + e.open).join()`, "psql → "+evil+" 5432,postgresql 1")
	p.clickNode(evil)
	p.want("shown as text", name, evil)
	p.want("elements made of names", `document.querySelectorAll("img").length`, "0")

	client.Stop()
	p.want("closed", `[...tcpgraph.scene.edges.values()].map((e) => e.connections + " " + e.open).join()`, "1 0")
	if problems := c.problems(); len(problems) > 0 {
		t.Errorf("the browser complains: %q", problems)
	}
}
