// Package bench measures the packages of tcpgraph beside others that do the same
// or a part of it. It is a module of its own, so that what it needs for that is no
// burden on users of the library. docs/PERFORMANCE.md has the results, and the
// commands to get them again.
//
// The peers do what they can do, which is mostly less: what each leaves out is
// said where it is.
package bench
