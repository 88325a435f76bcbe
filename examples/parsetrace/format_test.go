package main

import (
	"strings"
	"testing"
)

// TestFormats checks that each format begins as its readers expect it to.
func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		"dot":     "digraph",
		"svg":     "<?xml",
		"png":     "\x89PNG\r\n",
		"pdf":     "%PDF-",
		"mermaid": "flowchart LR\n",
		"json":    "{\n",
		"gexf":    "<?xml",
	} {
		status, stdout, stderr := parse(t, small, "-T", format)
		if status != 0 || !strings.HasPrefix(stdout, want) {
			t.Errorf("-T %s: status %d, stdout begins with %.20q, want %q\n%s", format, status, stdout, want, stderr)
		}
	}
	if status, stdout, stderr := parse(t, small, "-T", "gif"); status != 2 || stdout != "" || !strings.Contains(stderr, "svg") {
		t.Errorf("-T gif: status %d, stdout %q, stderr %q; want 2, nothing, the formats there are", status, stdout, stderr)
	}
}
