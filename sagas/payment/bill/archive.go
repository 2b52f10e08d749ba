package bill

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	maxArchive = 64 << 20 // bytes of an archive
	maxEntries = 64       // files in it; a bill of many rows comes in several
)

// Read reads a file as Alipay hands it out: the CSV of one bill, or an archive with it, in
// which a summary (汇总) is passed over. An archive may have at most 64 MiB and 64 files,
// and hold 128 MiB unpacked.
func Read(source io.Reader) ([]Bill, error) {
	raw, err := readAll(source, maxSize)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(raw, []byte("PK")) {
		text, err := decode(raw)
		if err != nil {
			return nil, err
		}
		bill, err := parse(text)
		return []Bill{bill}, err
	}
	if len(raw) > maxArchive {
		return nil, fmt.Errorf("bill: an archive of more than %d bytes", maxArchive)
	}
	return unpack(raw)
}

// unpack reads every bill of an archive. The names in it decide nothing.
func unpack(raw []byte) ([]Bill, error) {
	// The directory of an archive is read as a whole, so it is looked at before.
	if count := bytes.Count(raw, []byte("PK\x01\x02")); count > maxEntries {
		return nil, fmt.Errorf("bill: an archive of %d files, more than %d", count, maxEntries)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("bill: archive: %w", err)
	}
	var bills []Bill
	left := int64(maxSize)
	for i, file := range archive.File {
		text, err := unpacked(file, left)
		if err != nil {
			return nil, fmt.Errorf("bill: file %d of the archive: %w", i+1, err)
		}
		left -= int64(len(text))
		if text, err = decode(text); err != nil {
			return nil, fmt.Errorf("bill: file %d of the archive: %w", i+1, err)
		}
		if len(text) == 0 || summary(text) { // a folder is empty
			continue
		}
		bill, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("bill: file %d of the archive: %w", i+1, err)
		}
		bills = append(bills, bill)
	}
	if len(bills) == 0 {
		return nil, ErrNoBill
	}
	return bills, nil
}

// unpacked reads one file of an archive, but no more than is left.
func unpacked(file *zip.File, left int64) (text []byte, err error) {
	reading, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reading.Close()) }()
	return readAll(reading, left)
}

// summaries are the titles of the files that list sums alone.
var summaries = []string{"#支付宝业务汇总查询", "#支付宝账务汇总查询"}

func summary(text []byte) bool {
	title, _, _ := strings.Cut(string(text[:min(len(text), maxLine)]), "\n")
	return slices.Contains(summaries, strings.TrimRight(plainly(title), "\r,"))
}
