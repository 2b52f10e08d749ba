package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/smartwalle/alipay/v3"
)

// Members of an answer beside the node that answers the question.
const (
	errorNode       = "error_response"
	nodeSuffix      = "_response"
	fieldSign       = "sign"
	fieldSignType   = "sign_type"
	fieldAlipayCert = "alipay_cert_sn"
)

// ask makes one exchange and reads the signed answer into said.
func (p *Provider) ask(ctx context.Context, question alipay.Param, said answer) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	node, err := p.exchange(ctx, question)
	if err == nil {
		err = json.Unmarshal(node, said)
	}
	if err != nil {
		return unknown(question.APIName(), err)
	}
	return said.outcome().check(question.APIName())
}

// exchange returns the node of an answer that Alipay has signed.
func (p *Provider) exchange(ctx context.Context, question alipay.Param) (jsontext.Value, error) {
	fields, err := p.signed(question)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.config.Gateway, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	response, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	node, err := p.keys.current().signedNode(body, question.APIName(), p.keys.now())
	if err != nil {
		return nil, err
	}
	p.theirs.note(response.Header.Get("Date"))
	return node, nil
}

// signed are the fields of a question with our signature on them.
func (p *Provider) signed(question alipay.Param) (url.Values, error) {
	// The library's questions are written for the rules of encoding/json.
	content, err := json.Marshal(question, jsonv1.DefaultOptionsV1())
	if err != nil {
		return nil, err
	}
	k := p.keys.current()
	fields := url.Values{}
	for name, value := range question.Params() {
		set(fields, name, value)
	}
	for name, value := range map[string]string{
		"app_id": p.config.AppID, "method": question.APIName(), "format": "JSON", "charset": "utf-8", fieldSignType: "RSA2",
		"timestamp": time.Now().In(p.clock).Format(clockFormat), "version": "1.0", "biz_content": string(content),
		"app_cert_sn": k.app, "alipay_root_cert_sn": k.root,
	} {
		set(fields, name, value)
	}
	signature, err := k.sign(signedText(fields))
	if err != nil {
		return nil, err
	}
	fields.Set(fieldSign, signature)
	return fields, nil
}

func set(fields url.Values, name, value string) {
	if value != "" {
		fields.Set(name, value)
	}
}

// signedNode is the node that answers a call, in UTF-8, if Alipay's signature is on it.
// The signature is over exactly the bytes that were sent.
func (k *keys) signedNode(body []byte, api string, now time.Time) (jsontext.Value, error) {
	envelope, err := members(body)
	if err != nil {
		return nil, err
	}
	node := envelope[strings.ReplaceAll(api, ".", "_")+nodeSuffix]
	if len(node) == 0 || envelope[fieldSign] == nil {
		return nil, unsigned(node, envelope[errorNode])
	}
	signature, err := text(envelope, fieldSign)
	if err != nil {
		return nil, err
	}
	name, err := text(envelope, fieldAlipayCert)
	if err != nil {
		return nil, err
	}
	key, err := k.named(name, now)
	if err != nil {
		return nil, err
	}
	if err := verify(key, signature, string(node)); err != nil {
		return nil, err
	}
	return readable(node)
}

// text reads a member that is a text, if it is there.
func text(envelope map[string]jsontext.Value, name string) (string, error) {
	raw, given := envelope[name]
	if !given {
		return "", nil
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if value == nil || *value == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return *value, nil
}

// unsigned tells what an answer says that nobody has signed, for whoever looks for the
// cause: it decides nothing.
func unsigned(nodes ...jsontext.Value) error {
	for _, node := range nodes {
		var said status
		text, err := readable(node)
		if err == nil && len(text) > 0 && json.Unmarshal(text, &said) == nil && said != (status{}) {
			return fmt.Errorf("an unsigned answer: %.20q %.100q %.200q", said.Code, said.SubCode, said.SubText)
		}
	}
	return errors.New("an unsigned answer without content")
}

// verifyNotification checks Alipay's signature on a form. It may name the certificate, and
// it is not known whether the name is then part of what is signed: both are good, as the
// name says no more than which key to take. Without a name any key that counts will do.
func (k *keys) verifyNotification(form url.Values, now time.Time) error {
	plain := signedText(form, fieldSign, fieldSignType, fieldAlipayCert)
	switch named := form.Has(fieldAlipayCert); {
	case named && !k.certified():
		return errors.New("signed with a certificate, which was not agreed on")
	case named || !k.certified():
		key, err := k.named(form.Get(fieldAlipayCert), now)
		if err != nil {
			return err
		}
		return verify(key, form.Get(fieldSign), plain, signedText(form, fieldSign, fieldSignType))
	}
	err := errors.New("no certificate of Alipay's counts")
	for _, key := range k.alipay {
		if !key.counts(now) {
			continue
		}
		if err = verify(key.public, form.Get(fieldSign), plain); err == nil {
			return nil
		}
	}
	return err
}
