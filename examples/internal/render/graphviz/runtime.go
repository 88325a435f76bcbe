package graphviz

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// ready makes the module ready for instances, once.
var ready = sync.OnceValues(func() (*prepared, error) {
	config := wazero.NewRuntimeConfig()
	if dir, ok := cacheDir(); ok {
		// Without a cache the code is compiled each time.
		if cache, err := wazero.NewCompilationCacheWithDir(dir); err == nil {
			config = config.WithCompilationCache(cache)
		}
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, config)
	m, err := r.CompileModule(ctx, module)
	if err != nil {
		return nil, err
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, err
	}
	if err := refuseCallbacks(ctx, r, m); err != nil {
		return nil, err
	}
	return &prepared{r, m}, nil
})

type prepared struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

// instance returns a new Graphviz, which writes what it complains of to stderr.
// It has no files, and no clock but a false one.
func instance(stderr io.Writer) (api.Module, error) {
	p, err := ready()
	if err != nil {
		return nil, err
	}
	return p.runtime.InstantiateModule(context.Background(), p.module, wazero.NewModuleConfig().WithName("").WithStderr(stderr))
}

// refuseCallbacks provides what the module wants of go-graphviz: functions by
// which programs extend Graphviz. Ours does not, so that none is called.
func refuseCallbacks(ctx context.Context, r wazero.Runtime, m wazero.CompiledModule) error {
	const env = "env"
	host := r.NewHostModuleBuilder(env)
	for _, f := range m.ImportedFunctions() {
		from, name, _ := f.Import()
		if from != env {
			continue
		}
		refuse := func(context.Context, api.Module, []uint64) { panic(fmt.Errorf("%s is not provided", name)) }
		host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(refuse), f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	_, err := host.Instantiate(ctx)
	return err
}
