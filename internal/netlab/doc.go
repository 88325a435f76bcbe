// Package netlab is the laboratory of this module's tests: network namespaces,
// veth pairs, addresses and helper processes, made by system calls alone.
//
// A test makes namespaces with [New], joins them with [Veth], opens sockets in
// them with [NS.Listen] and [NS.Dial], and starts processes in them with
// [NS.Spawn]. Everything belongs to the test that made it and is gone when the
// test ends; nothing is mounted, and no installed program is needed. The
// namespaces need Linux 5.11 or later and root; elsewhere [Require] skips the
// test and says why.
//
//	a, b := netlab.New(t), netlab.New(t)
//	endA, _ := netlab.Veth(t, a, b,
//		[]netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")},
//		[]netip.Prefix{netip.MustParsePrefix("10.1.0.2/24")})
//	server := b.Spawn(t, netlab.Spec{Program: "serve", Comm: "nginx"})
//	port := server.ReadLine() // it listens when it has printed its port
//	conn, err := a.Dial(t.Context(), "tcp", "10.1.0.2:"+port)
//	conn, err = a.Dial(t.Context(), "tcp", "[fe80::2%"+endA.Name+"]:"+port)
//	...
//	server.Stop()
//
// A test package hands its TestMain to [Main], which runs the helper programs
// (they are the test binary itself, executed again) and fails the run when it
// leaks a goroutine, a descriptor, a child process or a thread.
//
// # Threads
//
// A network namespace is a property of a thread, and a thread that has entered
// one must never serve another goroutine. Every function that is run inside a
// namespace therefore gets a thread of its own, which ends with the function.
// Sockets and files of /proc/sys keep the namespace in which they were opened,
// so they can be handed out of [NS.Run] and used anywhere. Goroutines can not:
// one that is started within [NS.Run] runs outside of the namespace.
package netlab
