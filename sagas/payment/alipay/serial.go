package alipay

import (
	"bytes"
	"crypto/md5" // #nosec G501 -- it makes names, which protect nothing
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const maxCertificates = 32 // of one file

// rsaSignatures begins the identifiers of all signatures that are made with RSA.
var rsaSignatures = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1}

// serial is what Alipay calls a certificate: the MD5 of its issuer, written as RFC 2253
// has it, and of its number, in decimal.
func serial(certificate *x509.Certificate) (string, error) {
	var issuer pkix.RDNSequence
	if rest, err := asn1.Unmarshal(certificate.RawIssuer, &issuer); err != nil || len(rest) > 0 {
		return "", errors.Join(errors.New("a certificate without a readable issuer"), err)
	}
	sum := md5.Sum([]byte(issuer.String() + certificate.SerialNumber.String())) // #nosec G401 -- a name
	return hex.EncodeToString(sum[:]), nil
}

// rootSerial is what Alipay calls a file of roots: the serials of those signed with RSA,
// in the order of the file.
func rootSerial(roots []*x509.Certificate) (string, error) {
	var serials []string
	for _, root := range roots {
		name, err := serial(root)
		if err != nil {
			return "", err
		}
		serials = append(serials, name)
	}
	return strings.Join(serials, "_"), nil
}

// certificatesIn reads the certificates of a PEM text, of which it leaves out those that
// are not signed with RSA: Alipay's file of roots has some on curves that few programs
// can read.
func certificatesIn(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	blocks := 0
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if blocks++; blocks > maxCertificates {
			return nil, fmt.Errorf("more than %d certificates", maxCertificates)
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a %.40q and not certificates alone", block.Type)
		}
		counts, err := signedWithRSA(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !counts {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		found = append(found, certificate)
	}
	switch {
	case bytes.Contains(text, []byte("-----BEGIN ")):
		return nil, errors.New("a certificate in it is damaged")
	case blocks == 0:
		return nil, errors.New("there is no certificate in it, in PEM")
	case len(found) == 0:
		return nil, errors.New("no certificate in it is signed with RSA")
	}
	return found, nil
}

// signedWithRSA looks at the identifier of a certificate's signature alone.
func signedWithRSA(der []byte) (bool, error) {
	var outer struct {
		Content   asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return false, errors.Join(errors.New("a certificate in it is damaged"), err)
	}
	kind := outer.Algorithm.Algorithm
	return len(kind) > len(rsaSignatures) && slices.Equal(kind[:len(rsaSignatures)], rsaSignatures), nil
}
