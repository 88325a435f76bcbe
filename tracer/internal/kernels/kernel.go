package kernels

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// DirEnv names the environment variable for the folder in which kernels are
// kept. The default is tcpgraph/kernels in [os.UserCacheDir].
const DirEnv = "TCPGRAPH_KERNELS"

// Series are the kernels that this module is tested on: the last one that is
// too old, and then the oldest and the newer ones that are not; and of arm64, the
// oldest and the last one with long support.
var Series = []string{"5.10", "6.1", "6.12", "6.18", "7", "6.1" + armSuffix, "6.18" + armSuffix}

const armSuffix = "-arm64"

// Kernel is a kernel that was fetched.
type Kernel struct {
	// Series is the first part of the version, such as "6.1", or for arm64
	// "6.1-arm64".
	Series string
	// Release is what uname says.
	Release string
	dir     string
}

// Arch is what GOARCH is for the kernel: "amd64" or "arm64".
func (k *Kernel) Arch() string {
	if strings.HasSuffix(k.Series, armSuffix) {
		return "arm64"
	}
	return "amd64"
}

// Dir returns the folder in which kernels are kept, which need not exist.
func Dir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find where to keep kernels (%s can say): %w", DirEnv, err)
	}
	return filepath.Join(cache, "tcpgraph", "kernels"), nil
}

// Cached returns a kernel that was fetched before. The error matches
// [fs.ErrNotExist] if it was not.
func Cached(series string) (Kernel, error) {
	dir, err := Dir()
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{Series: series, dir: filepath.Join(dir, series)}
	release, err := os.ReadFile(filepath.Join(k.dir, "release"))
	if err != nil {
		return Kernel{}, fmt.Errorf("kernel %s is not there: %w", series, err)
	}
	k.Release = strings.TrimSpace(string(release))
	return k, nil
}

//go:embed fetch.sh
var fetchScript []byte

// Fetch fetches a kernel unless it is there already: 20 to 50 MB from a mirror
// of Debian's, with apt-get's download and dpkg's unpacking, which need no root.
func Fetch(ctx context.Context, series string) (Kernel, error) {
	if k, err := Cached(series); err == nil {
		return k, nil
	}
	dir, err := Dir()
	if err != nil {
		return Kernel{}, err
	}
	cmd := exec.CommandContext(ctx, "bash", "-s", "--", dir, series)
	cmd.Stdin = bytes.NewReader(fetchScript)
	if out, err := cmd.CombinedOutput(); err != nil {
		return Kernel{}, fmt.Errorf("fetch kernel %s: %w: %s", series, err, bytes.TrimSpace(out))
	}
	return Cached(series)
}
