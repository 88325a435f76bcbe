//go:build linux

package tracer

import (
	"encoding/binary"
	"testing"

	"example.com/tcpgraph/bpf"
)

// record returns a raw event of a process, as the kernel writes it.
func record(typ bpf.TcpgraphRecordType, pid uint32, port uint16) []byte {
	b := make([]byte, eventSize)
	ne := binary.NativeEndian
	b[0], b[2] = uint8(typ), uint8(bpf.TcpgraphDirectionDIR_OUTGOING)
	ne.PutUint64(b[8:], 5e9)
	ne.PutUint64(b[16:], 4e9)
	ne.PutUint64(b[40:], uint64(pid)*1e6)
	ne.PutUint32(b[56:], pid)
	copy(b[64:], "nginx")
	for _, at := range []int{80, 96} {
		copy(b[at+10:], []byte{0xff, 0xff, 192, 0, 2, 1})
	}
	ne.PutUint16(b[120:], port)
	ne.PutUint16(b[122:], 80)
	return b
}

// BenchmarkDecode is the consumer's share of an event, but for the ring buffer
// and the channel. Processes alternate, as they do at the two ends.
func BenchmarkDecode(b *testing.B) {
	d, err := newDecoder()
	if err != nil {
		b.Fatal(err)
	}
	d.processes.read = func(processKey) processInfo { return processInfo{exe: "/usr/sbin/nginx"} }
	records := [][]byte{
		record(bpf.TcpgraphRecordTypeREC_OPEN, 10, 4000),
		record(bpf.TcpgraphRecordTypeREC_OPEN, 11, 4000),
		record(bpf.TcpgraphRecordTypeREC_CLOSE, 10, 4000),
		record(bpf.TcpgraphRecordTypeREC_CLOSE, 11, 4000),
	}
	var e Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if ok, err := d.decode(records[i%len(records)], &e); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkChannel is the way of an event to a consumer that does nothing.
func BenchmarkChannel(b *testing.B) {
	t := Tracer{events: make(chan Event, DefaultBuffer), quit: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range t.events {
		}
	}()
	var e Event
	for b.Loop() {
		t.send(&e)
	}
	close(t.events)
	<-done
}
