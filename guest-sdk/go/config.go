package serai

import "github.com/seraihost/serai/abi"

// Config is the tenant's configuration.
var Config Configuration

// Configuration has the operations of [Config].
type Configuration struct{}

// Get returns a key's value; [IsNotFound] tells that it does not exist.
func (Configuration) Get(key string) (string, error) {
	_, body, err := Call(append(operation(abi.OpConfigGet, 1), Field{Name: abi.FieldKey, Value: key}), nil)
	return string(body), err
}

// Keys returns the keys that begin with prefix, up to 1000.
func (Configuration) Keys(prefix string) ([]string, error) {
	reply, _, err := Call(append(operation(abi.OpConfigList, 1), Field{Name: abi.FieldPrefix, Value: prefix}), nil)
	return Values(reply).All(abi.FieldKey), err
}
