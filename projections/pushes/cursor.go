package pushes

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cursor is the place of the last row of a page in the order of its list: what was
// added before it later does not move it.
type cursor struct {
	first  int64
	second string
}

// String is the cursor as callers carry it.
func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.first, 10) + "." + c.second))
}

func parseCursor(text string) (cursor, error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cursor{}, RefuseQuery("cursor")
	}
	first, second, found := strings.Cut(string(plain), ".")
	number, err := strconv.ParseInt(first, 10, 64)
	read := cursor{first: number, second: second}
	if err != nil || !found || !utf8.ValidString(second) || read.String() != text {
		return cursor{}, RefuseQuery("cursor") // each cursor has one spelling
	}
	return read, nil
}
