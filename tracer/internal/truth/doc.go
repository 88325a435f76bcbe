// Package truth makes TCP connections whose every property is known, and
// measures what a tracer says of them.
//
// An [Agent] is a process that makes socket calls one at a time, as a test
// tells it to, and answers with what each call truly did: its result, both
// endpoints, the number of bytes. A [Lab] writes these answers down as the
// [End] values that a perfect tracer would report. What a tracer did report is
// set against them by [Compare].
//
// Agents are the test binary itself, executed again: a test package's TestMain
// is one call of [Main].
package truth
