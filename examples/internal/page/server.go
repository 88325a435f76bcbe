package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// DefaultAddr is where a page is served unless told otherwise.
const DefaultAddr = "127.0.0.1:7413"

// Server serves a page over HTTP.
type Server struct {
	url     string
	exposed bool // to other machines
	server  *http.Server
	served  chan struct{}
	failed  error // once served is closed
	stop    context.CancelFunc
	close   sync.Once
	closed  error
}

// Start serves a page at an address until it is closed. The address is that of
// [net.Listen], but that host or port may be left out, and are then those of
// [DefaultAddr]: ":8080" is a port of the loopback address and not of every
// address. Port 0 is any port that is free; see [Server.URL].
func Start(addr string, p *Page) (*Server, error) {
	addr, name := complete(addr)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w; another address can be given as -http=ADDRESS", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	bound := l.Addr().(*net.TCPAddr).AddrPort()
	s := &Server{
		url:     "http://" + reachable(bound).String() + "/",
		exposed: !bound.Addr().IsLoopback(),
		server: &http.Server{
			Handler:           guard(hosts{name: name, loopback: bound.Addr().IsLoopback()}, p.routes(ctx)),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       30 * time.Second,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			BaseContext:       func(net.Listener) context.Context { return ctx },
			ErrorLog:          log.New(io.Discard, "", 0),
		},
		served: make(chan struct{}),
		stop:   stop,
	}
	go func() {
		defer close(s.served)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed = fmt.Errorf("serve the page: %w", err)
		}
	}()
	return s, nil
}

// complete returns an address to listen at, and the host in it.
func complete(addr string) (full, host string) {
	const defaultHost, defaultPort = "127.0.0.1", "7413"
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, defaultPort
	}
	if _, err := strconv.ParseUint(addr, 10, 16); err == nil {
		host, port = "", addr // a port alone
	}
	if host == "" {
		host = defaultHost
	}
	if port == "" {
		port = defaultPort
	}
	return net.JoinHostPort(host, port), host
}

// reachable returns an address at which this machine itself can reach a
// listener.
func reachable(bound netip.AddrPort) netip.AddrPort {
	addr := bound.Addr().Unmap()
	if addr.IsUnspecified() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(addr, bound.Port())
}

// URL returns where the page is.
func (s *Server) URL() string { return s.url }

// Close ends all connections and waits for their end. It can be called several
// times.
func (s *Server) Close() error {
	s.close.Do(func() {
		s.stop()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err := s.server.Shutdown(ctx)
		if err != nil {
			err = s.server.Close()
		}
		<-s.served
		s.closed = errors.Join(err, s.failed)
	})
	return s.closed
}

// maxBody is how long the body of a request may be: the ids of as many edges as
// are ever sent.
const maxBody = 1 << 20

// routes returns the handler of everything that the page asks for.
func (p *Page) routes(ctx context.Context) http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /", files())
	m.Handle("GET /api/stream", &stream{page: p, done: ctx.Done(), slots: make(chan struct{}, maxStreams)})
	m.HandleFunc("GET /api/history", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.past()) })
	m.HandleFunc("GET /api/node", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.FormValue("id"), 10, 64)
		if err != nil {
			http.Error(w, "id: not a number", http.StatusBadRequest)
			return
		}
		d, ok := p.detail(id)
		if !ok {
			http.Error(w, "no such node", http.StatusNotFound)
			return
		}
		writeJSON(w, d)
	})
	m.HandleFunc("POST /api/connections", func(w http.ResponseWriter, r *http.Request) {
		if s, ok := readSelection(w, r); ok {
			list, more := p.connections(s)
			writeJSON(w, map[string]any{"connections": list, "more": more})
		}
	})
	m.HandleFunc("POST /api/trace", func(w http.ResponseWriter, r *http.Request) {
		if s, ok := readSelection(w, r); ok {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_ = p.writeLines(w, s) // the reader has gone away
		}
	})
	return m
}

// readSelection reads the body of a request; if it can not, it has answered.
func readSelection(w http.ResponseWriter, r *http.Request) (s selection, ok bool) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "Content-Type: not application/json", http.StatusUnsupportedMediaType)
		return s, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	if err != nil {
		http.Error(w, "body: "+strconv.Quote(err.Error()), http.StatusBadRequest)
		return s, false
	}
	return s, true
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader has gone away
}
