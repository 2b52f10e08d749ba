package alipay

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// Alipay is asked for UTF-8. Parts of it answer in GBK all the same, refusals of the
// gateway itself above all. What is signed are the bytes as they are sent, so a text is
// read only after its signature has been verified. GB18030 holds GBK and GB2312.

var errCharset = errors.New("neither UTF-8 nor GB18030")

const fieldCharset = "charset"

// readable is a text in UTF-8. One that is no UTF-8 is read as GB18030.
func readable(text []byte) ([]byte, error) {
	if utf8.Valid(text) {
		return text, nil
	}
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return nil, errCharset
	}
	return decoded, nil
}

// members are the members of a JSON object as they are sent, in UTF-8 or GB18030. In the
// latter the second byte of a character may be a backslash or a brace, so the object is
// taken apart by a copy of the same length that has an x in place of each such byte.
func members(body []byte) (map[string]jsontext.Value, error) {
	plain := body
	if !utf8.Valid(body) {
		plain = masked(body)
	}
	reader := jsontext.NewDecoder(bytes.NewReader(plain))
	if token, err := reader.ReadToken(); err != nil {
		return nil, err
	} else if token.Kind() != '{' {
		return nil, errors.New("an answer that is no object")
	}
	found := make(map[string]jsontext.Value)
	for reader.PeekKind() != '}' {
		name, err := reader.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // before the next token takes its place
		value, err := reader.ReadValue()
		if err != nil {
			return nil, err
		}
		end := int(reader.InputOffset())
		found[key] = jsontext.Value(body[end-len(value) : end])
	}
	if _, err := reader.ReadToken(); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(plain[reader.InputOffset():])) > 0 {
		return nil, errors.New("an answer with more behind it")
	}
	return found, nil
}

// masked is a text in GB18030 with an x for each byte of a character beyond ASCII.
func masked(text []byte) []byte {
	plain := bytes.Clone(text)
	for i := 0; i < len(plain); {
		width := 1
		switch {
		case plain[i] < utf8.RuneSelf:
			i++
			continue
		case i+1 < len(plain) && '0' <= plain[i+1] && plain[i+1] <= '9':
			width = 4
		case i+1 < len(plain) && plain[i+1] >= 0x40:
			width = 2
		}
		for end := min(i+width, len(plain)); i < end; i++ {
			plain[i] = 'x'
		}
	}
	return plain
}

// readableForm is a form in UTF-8. Its charset, if it names one, says what it is in.
func readableForm(form url.Values) (url.Values, error) {
	charset := strings.ToLower(form.Get(fieldCharset))
	chinese := charset == "gbk" || charset == "gb2312" || charset == "gb18030"
	switch charset {
	case "":
		for _, values := range form {
			chinese = chinese || !utf8.ValidString(values[0])
		}
	case "gbk", "gb2312", "gb18030", "utf-8", "utf8":
	default:
		return nil, fmt.Errorf("charset %.20q", charset)
	}
	read := make(url.Values, len(form))
	for name, values := range form {
		text := values[0]
		if chinese {
			decoded, err := simplifiedchinese.GB18030.NewDecoder().String(text)
			if err != nil || strings.ContainsRune(decoded, utf8.RuneError) {
				return nil, fmt.Errorf("field %.40q: %w", name, errCharset)
			}
			text = decoded
		}
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("field %.40q is not UTF-8", name)
		}
		read.Set(name, text)
	}
	return read, nil
}
