package main

import (
	"bufio"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"example.com/tcpgraph/internal/netlab"
)

// TestBrowse asks the server of -http for a connection that was made after it
// began.
func TestBrowse(t *testing.T) {
	ns := netlab.New(t)
	ns.AddAddr(t, "lo", netip.MustParsePrefix("10.78.0.1/32"))
	spawn(t, ns, "db", "10.78.0.1:5432")
	live := startLive(t, "-netns", ns.Path(), "-http=:0")
	url := regexp.MustCompile(`http://\S+`).FindString(live.stderr.String())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url + "api/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	web := spawn(t, ns, "web")
	connect(t, web, "10.78.0.1:5432")
	for s := bufio.NewScanner(r.Body); ; {
		if !s.Scan() {
			t.Fatalf("the connection was never sent: %v", s.Err())
		}
		if line := s.Text(); strings.Contains(line, `"name":"web"`) && strings.Contains(line, `"name":"db"`) {
			break
		}
	}
	if got := live.stop(t); got != "" {
		t.Errorf("stdout: got %q, want nothing", got)
	}
}
