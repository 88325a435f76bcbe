package traceformat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const goodLine = "192.0.2.1:443→192.0.2.2:50000|PID=7 CMD=x"

// collect returns what an iterator yields, an error as its text and an event as
// its line, and the last error that is no SyntaxError.
func collect(seq iter.Seq2[Event, error]) (got []string, last error) {
	for e, err := range seq {
		var syntax *SyntaxError
		switch {
		case err == nil:
			got = append(got, string(e.AppendTo(nil, Format{})))
		case errors.As(err, &syntax) && e == (Event{}):
			got = append(got, err.Error())
		default:
			got, last = append(got, err.Error()), err
		}
	}
	return got, last
}

// readers are the ways to read a stream, which all give the same.
var readers = map[string]func(*Reader) iter.Seq2[Event, error]{
	"All":      (*Reader).All,
	"Prefetch": (*Reader).Prefetch,
	"Read": func(r *Reader) iter.Seq2[Event, error] {
		return func(yield func(Event, error) bool) {
			for {
				e := fullEvent()
				err := r.Read(&e)
				if err == io.EOF || !yield(e, err) {
					return
				}
				var syntax *SyntaxError
				if err != nil && !errors.As(err, &syntax) {
					return
				}
			}
		}
	},
}

// testReaders checks what each way of reading makes of text, however it
// arrives.
func testReaders(t *testing.T, text string, want []string) {
	t.Helper()
	for name, read := range readers {
		for arrival, wrap := range map[string]func(io.Reader) io.Reader{
			"blocks": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader,
			"bytes": iotest.OneByteReader, "EOF with data": iotest.DataErrReader,
		} {
			if len(text) > 1<<16 && arrival == "bytes" {
				continue
			}
			got, last := collect(read(NewReader(wrap(strings.NewReader(text)))))
			if diff := cmp.Diff(want, got); diff != "" || last != nil {
				t.Errorf("%s, %s: error %v, mismatch (-want +got):\n%s", name, arrival, last, diff)
			}
		}
	}
}

func TestReader(t *testing.T) {
	const bad = "no arrow (→, ←, ↔, ->, <- or <->) in "
	pad := strings.Repeat("x", MaxLine-len(goodLine))
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"only a newline", "\n", nil},
		{"only a mark", "\ufeff", nil},
		{"last newline missing", goodLine + "\n" + goodLine, []string{goodLine, goodLine}},
		{"CRLF", goodLine + "\r\n\r\n" + goodLine + "\r", []string{goodLine, goodLine}},
		{"comments", "# " + goodLine + "\n\n#\n" + goodLine + "\n", []string{goodLine}},
		{"mark", "\ufeff" + goodLine + "\n", []string{goodLine}},
		{"mark before comment", "\ufeff#\n" + goodLine + "\n", []string{goodLine}},
		{
			"mark elsewhere", goodLine + "\n\ufeff" + goodLine + "\n",
			[]string{goodLine, `traceformat: line 2: the remote address "\ufeff192.0.2.1" is no IP address`},
		},
		{
			"banners", "Attaching...\n\n" + goodLine + "\r\nbye",
			[]string{"traceformat: line 1: " + bad + `"Attaching..."`, goodLine, "traceformat: line 4: " + bad + `"bye"`},
		},
		{"longest", "\ufeff" + goodLine + pad + "\r\n" + goodLine, []string{goodLine + pad, goodLine}},
		{"longest last", goodLine + "\n" + goodLine + pad, []string{goodLine, goodLine + pad}},
		{
			"too long", goodLine + "\n" + goodLine + pad + "y\n" + goodLine, []string{
				goodLine,
				`traceformat: line 2: the line is longer than 1048576 bytes: "192.0.2.1:443→192.0.2.2:50000|PID=7 CMD=xxxxxxxxxxxxxxxxxx"…`, goodLine,
			},
		},
		{
			"much too long", strings.Repeat("é", 3*MaxLine) + "\n\n" + strings.Repeat("#", 2*MaxLine) + "\n" + goodLine + "\n" + strings.Repeat("z", MaxLine+10), []string{
				`traceformat: line 1: the line is longer than 1048576 bytes: "` + strings.Repeat("é", 30) + `"…`,
				`traceformat: line 3: the line is longer than 1048576 bytes: "` + strings.Repeat("#", 60) + `"…`,
				goodLine,
				`traceformat: line 5: the line is longer than 1048576 bytes: "` + strings.Repeat("z", 60) + `"…`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) { testReaders(t, tt.text, tt.want) })
	}
}

// TestReaderManyLines crosses the ends of blocks and batches at every offset.
func TestReaderManyLines(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := range 3000 {
		line := goodLine + strings.Repeat("x", i%97)
		want = append(want, line)
		fmt.Fprintln(&text, line)
	}
	testReaders(t, text.String(), want)
}

func TestReaderError(t *testing.T) {
	broken := errors.New("broken")
	for name, read := range readers {
		r := NewReader(io.MultiReader(strings.NewReader(goodLine+"\n"+goodLine[:30]), iotest.ErrReader(broken)))
		r.File = "a.trace"
		got, last := collect(read(r))
		want := []string{goodLine, "traceformat: read line 2: broken"}
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(last, broken) {
			t.Errorf("%s: error %v, mismatch (-want +got):\n%s", name, last, diff)
		}
		var e Event
		if err := r.Read(&e); !errors.Is(err, broken) {
			t.Errorf("%s: a further Read: got error %v, want the same", name, err)
		}
	}
}

// readerFunc is a reader that does not keep its promises.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReaderBadReader(t *testing.T) {
	for want, f := range map[string]readerFunc{
		"traceformat: read line 1: multiple Read calls return no data or error": func([]byte) (int, error) { return 0, nil },
		"traceformat: read line 1: invalid count -1 from Read":                  func([]byte) (int, error) { return -1, nil },
		"traceformat: read line 1: invalid count 65537 from Read":               func(p []byte) (int, error) { return len(p) + 1, nil },
	} {
		var e Event
		if err := NewReader(f).Read(&e); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

func TestReaderFile(t *testing.T) {
	r := NewReader(strings.NewReader("#\nbad|\n"))
	r.File = "a.trace"
	var e Event
	err := r.Read(&e)
	want := &SyntaxError{File: "a.trace", Line: 2, Text: "bad|", Msg: `no arrow (→, ←, ↔, ->, <- or <->) in "bad|"`}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// TestReaderBreak checks that an early break loses nothing.
func TestReaderBreak(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat(goodLine+"\n", 3)))
	for range r.All() {
		break
	}
	if got, _ := collect(r.All()); len(got) != 2 {
		t.Errorf("after a break: got %d events, want 2", len(got))
	}
}

// TestReaderLive checks that an event is there as soon as its line is, though
// the stream goes on.
func TestReaderLive(t *testing.T) {
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			in, out := io.Pipe()
			send := func() { // blocks until the line was read
				if _, err := io.WriteString(out, goodLine+"\n"); err != nil {
					t.Error(err)
				}
			}
			go send()
			n := 0
			for range read(NewReader(in)) {
				if n++; n == 5 {
					break
				}
				go send()
			}
			in.Close() // ends what Prefetch may be reading
		})
	}
}

// TestPrefetchBreak checks that the goroutine ends after a break.
func TestPrefetchBreak(t *testing.T) {
	text := bytes.Repeat([]byte(goodLine+"\n"), 100_000)
	ended := make(chan struct{})
	r := NewReader(io.MultiReader(bytes.NewReader(text), readerFunc(func([]byte) (int, error) {
		<-ended
		return 0, io.EOF
	})))
	for range r.Prefetch() {
		break
	}
	close(ended)
	waitNoGoroutine(t, "traceformat.(*Reader).prefetch")
}

// TestReaderMemory checks that names without end do not pile up.
func TestReaderMemory(t *testing.T) {
	const lines = 4000 // of some 11 KB
	n := 0
	r := NewReader(readerFunc(func(p []byte) (int, error) {
		if n++; n > lines {
			return 0, io.EOF
		}
		return copy(p, fmt.Sprintf("192.0.2.1:443→192.0.2.2:50000|HOST=\"%d\\n%s\" CMD=%s-%d\n",
			n, strings.Repeat("h", 6000), strings.Repeat("c", 5000), n)), nil
	}))
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, count := heap(), 0
	for e, err := range r.All() {
		count++
		if err != nil || !strings.HasPrefix(e.Process.Host, fmt.Sprint(count, "\n")) || !strings.HasSuffix(e.Process.Command, fmt.Sprint("-", count)) {
			t.Fatalf("event %d: got %.200q, error %v", count, e.String(), err)
		}
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes for %d names", grown, 2*lines)
	}
	runtime.KeepAlive(r)
	if count != lines {
		t.Errorf("got %d events, want %d", count, lines)
	}
}
