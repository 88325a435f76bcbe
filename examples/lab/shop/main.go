// Command shop plays the parts of the example lab that are no real server: a web
// shop that needs a database, a cache and a payment service for each order, the
// payment service, and a scraper of metrics. The lab's script starts it.
//
//	shop serve LISTEN… -- REDIS POSTGRES PAYMENT
//	shop answer LISTEN…
//	shop scrape TIMES URL…
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: shop serve|answer|scrape …; see the lab's script")
	}
	switch args[0] {
	case "serve":
		i := slices.Index(args, "--")
		if i < 0 || len(args) != i+4 {
			return errors.New("usage: shop serve LISTEN… -- REDIS POSTGRES PAYMENT")
		}
		s, err := newShop(args[i+1], args[i+2], args[i+3])
		if err != nil {
			return err
		}
		return serve(args[1:i], s)
	case "answer":
		return serve(args[1:], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "paid") }))
	case "scrape":
		return scrape(args[1], args[2:])
	}
	return fmt.Errorf("%q is no part to play", args[0])
}

// serve answers at each address until one of them fails.
func serve(addrs []string, h http.Handler) error {
	failed := make(chan error)
	for _, addr := range addrs {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		go func() { failed <- http.Serve(l, h) }()
	}
	fmt.Println("ready")
	return <-failed
}

// scrape gets each URL that often, ten times a second, on one connection each.
func scrape(times string, urls []string) error {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err
	}
	for range n {
		for _, url := range urls {
			if err := get(url); err != nil {
				return err
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

func get(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// shop keeps one connection each to its cache and its database.
type shop struct {
	mu       sync.Mutex
	cache    *bufio.ReadWriter
	database *bufio.ReadWriter
	payment  string
}

func newShop(redis, postgres, payment string) (*shop, error) {
	s := &shop{payment: payment}
	for _, c := range []struct {
		addr string
		conn **bufio.ReadWriter
	}{{redis, &s.cache}, {postgres, &s.database}} {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			return nil, err
		}
		*c.conn = bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
	}
	// The startup message of protocol 3.0, without any authentication.
	body := append(binary.BigEndian.AppendUint32(nil, 3<<16), "user\x00postgres\x00database\x00postgres\x00\x00"...)
	s.database.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...))
	return s, s.untilReady()
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.order()
	if err == nil && r.URL.Path == "/order" {
		err = get(s.payment)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintln(w, "ok")
}

// order counts an order in the cache and asks the database something.
func (s *shop) order() error {
	s.cache.WriteString("INCR orders\r\n")
	if err := s.cache.Flush(); err != nil {
		return err
	}
	if _, err := s.cache.ReadString('\n'); err != nil {
		return err
	}
	const query = "select 1\x00"
	s.database.Write(append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(query)+4)), query...))
	return s.untilReady()
}

// untilReady reads the database's messages up to ReadyForQuery.
func (s *shop) untilReady() error {
	if err := s.database.Flush(); err != nil {
		return err
	}
	for {
		var head [5]byte
		if _, err := io.ReadFull(s.database, head[:]); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, s.database, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return err
		}
		switch head[0] {
		case 'E':
			return errors.New("the database reports an error")
		case 'Z':
			return nil
		}
	}
}
