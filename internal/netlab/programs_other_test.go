//go:build !linux

package netlab

var programs map[string]Program
