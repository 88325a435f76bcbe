// Package graphviz draws graphs with a Graphviz that the program has in itself,
// compiled to WebAssembly. Nothing of it runs before the first drawing: to make
// it ready takes 25 MB and some 30 ms where its machine code was kept (see
// [cacheDir]), and a second where not, which a program that does not draw is
// spared.
//
// The file graphviz.wasm is the one in github.com/goccy/go-graphviz, whose
// packages prepare it when they are initialised, and so in every process. See
// the file NOTICE for what is in it, and under which licences.
package graphviz

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

//go:generate sh fetch.sh

//go:embed graphviz.wasm
var module []byte

// busy is held while a Graphviz works. It cannot be interrupted: code that asks
// whether it should stop takes twice as long.
var busy = make(chan struct{}, 1)

// SVG lays out a graph in the DOT language, by the engine that its attribute
// layout names, or else by dot. If ctx ends first it returns at once, but the
// Graphviz goes on until it is done, and calls that come wait for it. Several
// goroutines can call it at the same time.
func SVG(ctx context.Context, graph []byte) ([]byte, error) {
	select {
	case busy <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	type result struct {
		picture []byte
		err     error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-busy }()
		picture, err := draw(graph)
		done <- result{picture, err}
	}()
	select {
	case r := <-done:
		return r.picture, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// draw is SVG in a Graphviz of its own.
func draw(graph []byte) ([]byte, error) {
	var complaints bytes.Buffer
	m, err := instance(&complaints)
	if err != nil {
		return nil, fmt.Errorf("graphviz: %w", err)
	}
	defer func() { _ = m.Close(context.Background()) }() // the picture is made
	c := caller{module: m}
	picture := c.svg(graph)
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("graphviz: %w", c.err)
	case len(picture) == 0:
		return nil, fmt.Errorf("graphviz drew nothing: %s", strings.TrimSpace(complaints.String()))
	}
	return picture, nil
}

// caller calls functions of Graphviz, as its C headers have them, until one
// fails. Pointers are numbers: places in the module's memory.
type caller struct {
	module api.Module
	err    error
}

// svg returns the picture, which is empty if Graphviz could not make it.
func (c *caller) svg(graph []byte) []byte {
	gvc := c.call("gvContextPlugins", c.plugins(), 0)
	g := c.call("agmemread", c.text(string(graph)))
	if g == 0 {
		return nil
	}
	engine := c.call("agget", g, c.text("layout"))
	if engine == 0 {
		engine = c.text("dot")
	}
	if failed := c.call("gvLayout", gvc, g, engine); failed != 0 {
		return nil
	}
	result := c.call("malloc", 8)
	if failed := c.call("gvRenderData", gvc, g, c.text("svg"), result, result+4); failed != 0 {
		return nil
	}
	return bytes.Clone(c.read(c.load32(result), c.load32(result+4)))
}

// plugins returns the list of the plugins that are in the module, which has a
// name and an address for each, and zeros at its end.
func (c *caller) plugins() uint32 {
	const size = 3 * 8
	list := c.module.ExportedGlobal("lt_preloaded_symbols")
	if list == nil {
		c.fail(errors.New("the module has no list of plugins"))
		return 0
	}
	p := c.call("calloc", 1, size+8)
	c.write(p, c.read(uint32(list.Get()), size))
	return p
}

// call calls a function, which must have a result unless it is free.
func (c *caller) call(name string, args ...uint32) (result uint32) {
	f := c.module.ExportedFunction(name)
	if f == nil {
		c.fail(fmt.Errorf("the module has no %s", name))
	}
	if c.err != nil {
		return 0
	}
	params := make([]uint64, len(args))
	for i, a := range args {
		params[i] = uint64(a)
	}
	results, err := f.Call(context.Background(), params...)
	if err == nil && len(results) != 1 {
		err = errors.New("no result")
	}
	if err != nil {
		c.fail(fmt.Errorf("%s: %w", name, err))
		return 0
	}
	return api.DecodeU32(results[0])
}

// text puts a text into the module's memory.
func (c *caller) text(s string) uint32 {
	p := c.call("malloc", uint32(len(s))+1)
	c.write(p, append([]byte(s), 0))
	return p
}

func (c *caller) write(p uint32, data []byte) {
	if c.err == nil && (p == 0 || !c.module.Memory().Write(p, data)) {
		c.fail(errOutside)
	}
}

// read returns a part of the module's memory, which changes with it.
func (c *caller) read(p, n uint32) []byte {
	if c.err != nil {
		return nil
	}
	data, ok := c.module.Memory().Read(p, n)
	if !ok {
		c.fail(errOutside)
	}
	return data
}

func (c *caller) load32(p uint32) uint32 {
	if b := c.read(p, 4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

var errOutside = errors.New("out of memory")

// fail keeps the first error.
func (c *caller) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
