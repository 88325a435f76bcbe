package dot

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/graph/encoding"
)

// Attribute is one attribute of a graph, node, edge or cluster. Its key is
// always text. [Text], [EscString] and [HTML] make one.
type Attribute struct {
	Key, Value string
	// Syntax says how Value is read. The zero value is [SyntaxText].
	Syntax Syntax
}

// Syntax says how the value of an [Attribute] is read.
type Syntax uint8

// The syntaxes of a value.
const (
	// SyntaxText is text, shown as it is whatever is in it.
	SyntaxText Syntax = iota
	// SyntaxEscString is a string in which Graphviz interprets escapes (\N,
	// \l) and entities.
	SyntaxEscString
	// SyntaxHTML is an HTML-like label.
	SyntaxHTML
)

// Text returns an attribute whose value is text.
func Text(key, value string) Attribute {
	return Attribute{Key: key, Value: value}
}

// EscString returns an attribute whose value may use the escapes of Graphviz,
// such as \l for a line that is aligned left and \N for the name of the node,
// its entities, and the field separators of a record. It cannot end its string:
// quotes need no backslash, a newline is written \n, and what [SyntaxText] makes
// visible is made visible here too. Use [Escape] or [EscapeRecord] to put text
// into the value. Graphviz 2 puts the name that \N stands for into a URL
// unescaped: do not use it there unless the names are your own.
func EscString(key, value string) Attribute {
	return Attribute{Key: key, Value: value, Syntax: SyntaxEscString}
}

// HTML returns an attribute whose value is an HTML-like label, without the
// angle brackets around it. Every < in it must have its >, and it must have no
// comment; else [Encode] returns an error, since DOT could not find its end. Use
// [EscapeHTML] to put text into the value.
func HTML(key, value string) Attribute {
	return Attribute{Key: key, Value: value, Syntax: SyntaxHTML}
}

// appendText appends to dst what the gonum value v says of itself.
func appendText(dst []Attribute, v any) []Attribute {
	a, ok := v.(encoding.Attributer)
	if !ok {
		return dst
	}
	return appendTexts(dst, a.Attributes())
}

func appendTexts(dst []Attribute, texts []encoding.Attribute) []Attribute {
	for i := range texts {
		dst = append(dst, Text(texts[i].Key, texts[i].Value))
	}
	return dst
}

// isRecord reports whether the label of a node with these attributes is split
// into fields, given whether it would be with none.
func isRecord(attrs []Attribute, byDefault bool) bool {
	for i := len(attrs) - 1; i >= 0; i-- {
		if attrs[i].Key == "shape" {
			return attrs[i].Value == "record" || attrs[i].Value == "Mrecord"
		}
	}
	return byDefault
}

// key is an attribute's key with what there is to know of it.
type key struct {
	name string
	text string // with the equals sign behind it
	kind kind
}

// keys remembers the keys of the last statements by their places: they mostly
// are the same in the next.
type keys [8]key

func (k *keys) at(i int, name string) *key {
	e := &k[i%len(k)]
	if e.name != name || e.text == "" {
		*e = key{name, string(appendKey(nil, name)) + "=", kindOf(name)}
	}
	return e
}

// appendAttributes appends attrs in brackets, or nothing if there are none. In
// a record, text labels are escaped for one.
func (k *keys) appendAttributes(dst []byte, attrs []Attribute, record bool) ([]byte, error) {
	for i := range attrs {
		if i == 0 {
			dst = append(dst, " ["...)
		} else {
			dst = append(dst, ", "...)
		}
		a := &attrs[i]
		key := k.at(i, a.Key)
		dst = append(dst, key.text...)
		switch kind := key.kind; {
		case a.Syntax == SyntaxHTML:
			if err := checkHTML(a.Value); err != nil {
				return dst, fmt.Errorf("attribute %q: %w", a.Key, err)
			}
			dst = appendHTML(dst, a.Value)
		case a.Syntax > SyntaxHTML:
			return dst, fmt.Errorf("attribute %q: unknown Syntax %d", a.Key, a.Syntax)
		case kind == kindFont:
			dst = appendQuoted(dst, a.Value, escaper{markup: true})
		case kind == kindTooltip && a.Syntax == SyntaxText:
			dst = appendQuoted(dst, strings.ReplaceAll(a.Value, `\`, `\\`), escaper{})
		case kind == kindURL && a.Syntax == SyntaxText:
			dst = appendQuoted(dst, percentEncode(a.Value, true), escaper{})
		case kind == kindURL:
			dst = appendEscString(dst, percentEncode(a.Value, false))
		case a.Syntax == SyntaxText:
			dst = appendQuoted(dst, a.Value, escaper{record: record && a.Key == "label"})
		default:
			dst = appendEscString(dst, a.Value)
		}
	}
	if len(attrs) > 0 {
		dst = append(dst, ']')
	}
	return dst, nil
}

// kind says what Graphviz does with the value of an attribute.
type kind uint8

const (
	kindOther   kind = iota
	kindURL          // Graphviz 2 writes it into SVG unescaped
	kindFont         // the same
	kindTooltip      // Graphviz takes the backslashes out twice
)

func kindOf(key string) kind {
	switch key {
	case "URL", "href", "edgeURL", "edgehref", "headURL", "headhref",
		"tailURL", "tailhref", "labelURL", "labelhref", "stylesheet":
		return kindURL
	case "fontname", "labelfontname":
		return kindFont
	case "tooltip", "edgetooltip", "headtooltip", "tailtooltip", "labeltooltip":
		return kindTooltip
	}
	return kindOther
}

// appendKey appends an attribute's name, bare if it is a plain identifier.
func appendKey(dst []byte, key string) []byte {
	if isIdentifier(key) {
		return append(dst, key...)
	}
	return appendQuoted(dst, key, escaper{})
}

func isIdentifier(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return s != "" && !isKeyword(s)
}

func isKeyword(s string) bool {
	switch s[0] | 0x20 {
	case 'd', 'e', 'g', 'n', 's':
		switch strings.ToLower(s) {
		case "node", "edge", "graph", "strict", "digraph", "subgraph":
			return true
		}
	}
	return false
}
