//go:build !linux

package tracer

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
)

// Tracer is a running trace. It exists on Linux only.
type Tracer struct{}

var errUnsupported = fmt.Errorf("tracer: needs Linux 5.13 or later, this is %s: %w", runtime.GOOS, errors.ErrUnsupported)

// Open returns an error that matches [errors.ErrUnsupported].
func Open(*Options) (*Tracer, error) { return nil, errUnsupported }

// OwnNetNS returns an error that matches [errors.ErrUnsupported].
func OwnNetNS() (uint32, error) { return 0, errUnsupported }

// NetNSAt returns an error that matches [errors.ErrUnsupported].
func NetNSAt(string) (uint32, error) { return 0, errUnsupported }

// Events returns nil.
func (*Tracer) Events() <-chan Event { return nil }

// Batches yields an error that matches [errors.ErrUnsupported].
func (*Tracer) Batches() iter.Seq2[[]Event, error] {
	return func(yield func([]Event, error) bool) { yield(nil, errUnsupported) }
}

// Err returns an error that matches [errors.ErrUnsupported].
func (*Tracer) Err() error { return errUnsupported }

// Stats returns the zero value.
func (*Tracer) Stats() Stats { return Stats{} }

// Stop does nothing.
func (*Tracer) Stop() {}

// Close does nothing.
func (*Tracer) Close() error { return nil }
