package host

// Upload is the content of a service and how it shall run.
type Upload struct {
	Tenant      string
	Service     string // "" if the services of the upload have names of their own
	FileName    string // base name that the author gave; for messages and tracebacks
	ContentType string // one of Type…
	Content     []byte
	Settings    Settings // complete, and within the tenant's quota
}

// Content types of an [Upload].
const (
	TypeWASM   = "application/wasm"  // a WebAssembly core module
	TypePython = "text/x-python"     // one source file
	TypeTar    = "application/x-tar" // a folder with Python
)

// Receipt is what a deploy or a rollback made live.
type Receipt struct {
	Service    string  `json:"service"`
	Version    string  `json:"version"` // digest
	Kind       Kind    `json:"kind"`
	ImageBytes int64   `json:"image_bytes"` // linear memory at the start of a call
	OwnBytes   int64   `json:"own_bytes"`   // of these, not shared with the base image
	DeployMS   float64 `json:"deploy_ms"`   // from upload received to live, milliseconds
	About      About   `json:"about,omitzero"`
}
