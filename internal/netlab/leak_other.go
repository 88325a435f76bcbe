//go:build !linux

package netlab

func hasChildren() bool      { return false }
func listChildren() string   { return "" }
func strayThreads() []string { return nil }
