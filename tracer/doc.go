// Package tracer yields an [Event] for every TCP connection that the processes
// of this machine open, close, or fail to open, with both endpoints, the
// direction, and the process that owns the local end.
//
//	t, err := tracer.Open(nil)
//	if err != nil {
//		return err
//	}
//	defer t.Close()
//	for e := range t.Events() {
//		fmt.Println(e)
//	}
//	return t.Err()
//
// [Tracer.Batches] gives the same events to a loop, some at a time, which
// spares their way through a channel.
//
// It watches the kernel with eBPF, in every network namespace and for every
// process, without polling. Connections that were open before come first, as
// events with traceformat.OwnerSnapshot.
//
// # Requirements
//
// Linux 5.13 or later with BTF (CONFIG_DEBUG_INFO_BTF, the default of all large
// distributions) and root, or CAP_BPF and CAP_PERFMON. Elsewhere Open returns an
// error that matches [errors.ErrUnsupported]. CAP_SYS_ADMIN is of use besides:
// without it the tracer finds no tracefs, which the accept hook of last resort
// needs, and in other network namespaces neither the listeners of Multipath TCP nor
// what its snapshot has overlooked ([Stats].Missing).
//
// # Which process owns a connection
//
// The process that called connect owns the outgoing end. The process that
// called accept owns the incoming end; it is seen by the best hook that the
// kernel permits, see [AcceptHook] and [Stats]. Where nobody accepts for
// [Options.Unaccepted], or the peer is gone before, the event names the process
// that listens and says so (traceformat.OwnerListener). Later changes of hands,
// by fork or by passing the descriptor on, are not followed: the process that
// connected or accepted stays the owner.
//
// # When there is an event
//
// An outgoing connection opens when it is established. An incoming one opens
// when it is accepted. Both close when the kernel gives the socket up, which is
// after the last FIN was acknowledged and so may be later than the call to
// close. A connect that never establishes gives one Fail event with the reason.
//
// Events come in the order in which the kernel saw them, as a rule ten
// milliseconds late at most, snapshot first. The two halves of one connection come in either
// order.
package tracer
