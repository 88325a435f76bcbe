package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestBrowse serves a trace while it is being written, and after.
func TestBrowse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	trace, in := io.Pipe()
	errs, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-http", ":0"}, trace, io.Discard, out)
		out.Close()
	}()
	said := bufio.NewReader(errs)
	line, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), "shown at ")
	if !ok {
		t.Fatalf("stderr: got %q, want a URL", line)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url + "api/stream")
	if err != nil {
		t.Fatal(err)
	}
	stream := bufio.NewReader(r.Body)
	seen := func(what string) {
		t.Helper()
		for {
			line, err := stream.ReadBytes('\n')
			if err != nil {
				t.Fatalf("%s was never sent: %v", what, err)
			}
			if bytes.Contains(line, []byte(what)) {
				return
			}
		}
	}
	lines := strings.SplitAfter(small, "\n")
	write := func(s string) {
		t.Helper()
		if _, err := io.WriteString(in, s); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Join(lines[:4], ""))
	seen(`"name":"nginx"`)
	write(strings.Join(lines[4:], ""))
	seen(`"name":"postgres"`)
	in.Close()
	if line, err := said.ReadString('\n'); err != nil || line != "6 lines, 5 events, 1 bad line\n" {
		t.Errorf("stderr at the end of the trace: got %q, %v", line, err)
	}
	seen(`"done":true`)
	r.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("after the context has ended: got %v, want nil", err)
	}
}

func TestBrowseStrict(t *testing.T) {
	status, _, stderr := parse(t, small, "-http=:0", "-strict")
	if status != 1 || !strings.Contains(stderr, "1 bad line, and -strict was given") {
		t.Errorf("status %d, prints %q; want 1, and why", status, stderr)
	}
	if status, _, stderr := parse(t, "", "-http=:0:0"); status != 1 || !strings.Contains(stderr, "serve the page") {
		t.Errorf("a bad address: status %d, prints %q; want 1, and why", status, stderr)
	}
}
