package runtime

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds on what an upload says of its services. The guest keeps to them; one
// that does not is refused.
const (
	maxServices   = 500
	maxOffers     = 1 << 20 // bytes
	maxAboutBytes = 256
	maxMethods    = 16
)

// parseOffers reads what a Python upload says of its services.
func parseOffers(said []byte) ([]Offer, error) {
	var in struct {
		Services []struct {
			Name string `json:"name"`
			host.About
		} `json:"services"`
	}
	if len(said) > maxOffers || json.Unmarshal(said, &in) != nil || len(in.Services) == 0 {
		return nil, refusedOffers("what it says of its services cannot be read")
	}
	if len(in.Services) > maxServices {
		return nil, refusedOffers("it has more than 500 services; split it")
	}
	out := make([]Offer, 0, len(in.Services))
	for _, s := range in.Services {
		if err := host.CheckName("service", s.Name); err != nil {
			return nil, err
		}
		if len(s.Methods) > maxMethods {
			s.Methods = s.Methods[:maxMethods]
		}
		for i := range s.Methods {
			s.Methods[i] = clip(s.Methods[i])
		}
		about := host.About{Class: clip(s.Class), File: clip(s.File), Doc: clip(s.Doc), Methods: s.Methods}
		out = append(out, Offer{Name: s.Name, About: about})
	}
	slices.SortFunc(out, func(a, b Offer) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(out); i++ {
		if out[i].Name == out[i-1].Name {
			return nil, refusedOffers("two of its services are called " + out[i].Name)
		}
	}
	return out, nil
}

func refusedOffers(why string) error {
	return &host.Error{Code: abi.Invalid, Field: "module", Message: "the upload is refused: " + why}
}

// clip bounds foreign text and keeps it valid UTF-8.
func clip(s string) string {
	if len(s) > maxAboutBytes {
		s = s[:maxAboutBytes]
	}
	return strings.ToValidUTF8(s, "")
}
