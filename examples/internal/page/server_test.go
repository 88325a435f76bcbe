package page_test

import (
	"bytes"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/tcpgraph/examples/internal/page"
	"example.com/tcpgraph/flowgraph"
)

func TestGuard(t *testing.T) {
	s := serve(t, nil)
	host := strings.Trim(strings.TrimPrefix(s.URL(), "http:"), "/")
	_, port, _ := strings.Cut(host, ":")
	for _, test := range []struct {
		name, path, host string
		header           map[string]string
		want             int
	}{
		{"a program", "api/history", "", nil, http.StatusOK},
		{"localhost", "", "localhost:" + port, nil, http.StatusOK},
		{"a tunnel's port", "", "LOCALHOST:9999", nil, http.StatusOK},
		{"IPv6", "", "[::1]:" + port, nil, http.StatusOK},
		{"no port", "", "127.0.0.1", nil, http.StatusOK},
		{"DNS rebinding", "", "evil.example:" + port, nil, http.StatusMisdirectedRequest},
		{"DNS rebinding of the data", "api/stream", "evil.example:" + port, nil, http.StatusMisdirectedRequest},
		{"a name that begins well", "", "localhost.evil.example", nil, http.StatusMisdirectedRequest},
		{"a name that ends well", "", "evillocalhost", nil, http.StatusMisdirectedRequest},
		{"another address", "", "10.1.2.3:" + port, nil, http.StatusMisdirectedRequest},
		{"own origin", "api/history", "", map[string]string{"Origin": "http://" + host}, http.StatusOK},
		{"another origin", "api/history", "", map[string]string{"Origin": "http://evil.example"}, http.StatusForbidden},
		{"another port", "api/history", "", map[string]string{"Origin": "http://127.0.0.1:1"}, http.StatusForbidden},
		{"no origin", "api/history", "", map[string]string{"Origin": "null"}, http.StatusForbidden},
		{"another site's script", "api/history", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, http.StatusForbidden},
		{"the same site is another origin", "api/history", "", map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{"the page itself", "api/history", "", map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusOK},
		{"a link that is followed", "", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, http.StatusOK},
		{"a frame", "", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, http.StatusForbidden},
		{"a link to the data", "api/history", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, http.StatusForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodGet, s.URL()+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = test.host
			for k, v := range test.header {
				r.Header.Set(k, v)
			}
			a, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			if a.StatusCode != test.want {
				t.Errorf("got %s, want %d", a.Status, test.want)
			}
			for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
				if a.Header.Get(h) == "" {
					t.Errorf("no header %s", h)
				}
			}
			if a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("another origin may read the answer")
			}
		})
	}
}

func TestRequests(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		name, method, path, kind, body string
		want                           int
	}{
		{"a form", "POST", "api/trace", "text/plain", "{}", http.StatusUnsupportedMediaType},
		{"no JSON", "POST", "api/trace", "application/json", "{", http.StatusBadRequest},
		{"a long body", "POST", "api/connections", "application/json", `{"edges":[` + strings.Repeat("1,", 1<<20) + `1]}`, http.StatusBadRequest},
		{"no number", "GET", "api/node?id=x", "", "", http.StatusBadRequest},
		{"no such node", "GET", "api/node?id=1", "", "", http.StatusNotFound},
		{"no such file", "GET", "../page.go", "", "", http.StatusNotFound},
		{"another method", "DELETE", "api/history", "", "", http.StatusMethodNotAllowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequest(test.method, s.URL()+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", test.kind)
			a, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			if a.StatusCode != test.want {
				t.Errorf("got %s, want %d", a.Status, test.want)
			}
		})
	}
}

func TestTooManyStreams(t *testing.T) {
	s := serve(t, nil)
	const most = 32
	for range most {
		s.stream().next()
	}
	r, err := client.Get(s.URL() + "api/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("stream %d: got %s, want 503", most+1, r.Status)
	}
}

// The policy forbids inline scripts and styles, and anything from elsewhere.
func TestFilesObeyThePolicy(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|<\w[^>]*\s(?:style|on[a-z]+)=|javascript:|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://`)
	names, err := filepath.Glob("static/*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range forbidden.FindAll(bytes.ReplaceAll(b, []byte("http://www.w3.org/2000/svg"), nil), -1) {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestStart(t *testing.T) {
	p := page.New(flowgraph.New(nil), nil)
	s, err := page.Start(":0", p)
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://127.0.0.1:"; !strings.HasPrefix(s.URL(), want) {
		t.Errorf("a port alone: got %s, want %s…", s.URL(), want)
	}
	if other, err := page.Start("0", p); err != nil || !strings.HasPrefix(other.URL(), "http://127.0.0.1:") {
		t.Errorf("a port without a colon: got %v, want it to serve at the loopback address", err)
	} else if err := other.Close(); err != nil {
		t.Error(err)
	}
	taken := strings.Trim(strings.TrimPrefix(s.URL(), "http:"), "/")
	if other, err := page.Start(taken, p); err == nil {
		t.Error("an address that is taken: got no error")
		other.Close()
	} else if !strings.Contains(err.Error(), "-http=ADDRESS") {
		t.Errorf("error: got %q, which does not say what to do", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := client.Get(s.URL()); err == nil {
		t.Error("after Close: it still answers")
	}
}

func TestFlag(t *testing.T) {
	for _, test := range []struct {
		args []string
		want page.Flag
		ok   bool
	}{
		{nil, page.Flag{}, true},
		{[]string{"-http"}, page.Flag{On: true}, true},
		{[]string{"-http=:8080"}, page.Flag{On: true, Addr: ":8080"}, true},
		{[]string{"-http=false"}, page.Flag{}, true},
		{[]string{"-http="}, page.Flag{}, false},
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		var f page.Flag
		f.Register(fs)
		if err := fs.Parse(test.args); (err == nil) != test.ok || f != test.want {
			t.Errorf("%q: got %+v, %v; want %+v", test.args, f, err, test.want)
		}
	}
}

// Who serves to other machines is told so.
func TestExposedIsSaid(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		var said strings.Builder
		f := page.Flag{On: true, Addr: addr}
		s, err := f.Start(page.New(flowgraph.New(nil), nil), &said)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if !strings.Contains(said.String(), s.URL()) || strings.Contains(said.String(), "warning") != want {
			t.Errorf("%s: said %q, want the URL, and a warning: %v", addr, said.String(), want)
		}
	}
}
