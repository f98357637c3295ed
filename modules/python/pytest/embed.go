// Package pytest holds pytest and the packages that it imports, compiled for
// the CPython of package python. Hosts of serai test show it to services.
//
// pytest.sh makes the archive; it is not part of go generate ./... in CI, since
// it downloads wheels.
package pytest

import _ "embed"

//go:embed pytest.zip
var archive []byte

// Archive returns the packages as a zip archive. It must not be modified.
func Archive() []byte { return archive }
