package page

import (
	"embed"
	"io/fs"
	"net/http"
)

// static is the page: plain HTML, CSS and JavaScript modules, as they are
// written.
//
//go:embed static
var static embed.FS

// files serves the page's files.
func files() http.Handler {
	root, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is a constant
	}
	return http.FileServerFS(root)
}
