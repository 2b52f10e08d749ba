package alipay

// OwnAddress is where a provider of a configuration would download from.
func OwnAddress(config Config, text string) (string, error) {
	address, err := (&Provider{config: config}).ownAddress(text)
	if err != nil {
		return "", err
	}
	return address.String(), nil
}
